package workflows

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Lacking is what a namespace of Temporal lacks to run the workflows.
type Lacking struct {
	Namespace  bool     // the namespace itself
	Attributes []string // search attributes, sorted
	// Unknown says why search attributes cannot be listed, such as a missing
	// right; the workflows run if somebody else has added them.
	Unknown error
}

// Any says whether something is known to be lacking.
func (l Lacking) Any() bool { return l.Namespace || len(l.Attributes) > 0 }

// Inspect looks at a namespace and changes nothing.
func Inspect(ctx context.Context, c client.Client, namespace string) (Lacking, error) {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		return Lacking{Namespace: true, Attributes: attributeNames(nil)}, nil
	}
	if err != nil {
		return Lacking{}, fmt.Errorf("namespace %s: %w", namespace, err)
	}
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return Lacking{Unknown: fmt.Errorf("list search attributes of namespace %s: %w", namespace, err)}, nil
	}
	return Lacking{Attributes: attributeNames(have.GetCustomAttributes())}, nil
}

// attributeNames lists the search attributes that are not among those given.
func attributeNames(have map[string]enums.IndexedValueType) []string {
	wanted := SearchAttributes()
	maps.DeleteFunc(wanted, func(name string, _ enums.IndexedValueType) bool {
		_, ok := have[name]
		return ok
	})
	return slices.Sorted(maps.Keys(wanted))
}

// namespaceWait bounds the wait for a new namespace: Temporal's services look
// for changes every few seconds.
const namespaceWait = 90 * time.Second

// SetUp makes the namespace if it is missing, with the time that histories of
// ended workflows are kept, and adds the search attributes that it lacks. Doing
// it again, also by several processes at once, does no harm.
func SetUp(ctx context.Context, c client.Client, namespace string, retention time.Duration) error {
	l, err := Inspect(ctx, c, namespace)
	if err != nil {
		return err
	}
	if l.Namespace {
		if err := registerNamespace(ctx, c, namespace, retention); err != nil {
			return err
		}
	}
	if l.Unknown != nil {
		return l.Unknown
	}
	if len(l.Attributes) == 0 {
		return nil
	}
	return patiently(ctx, func() error { return addAttributes(ctx, c, namespace, l.Attributes) })
}

func registerNamespace(ctx context.Context, c client.Client, namespace string, retention time.Duration) error {
	_, err := c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        namespace,
		Description:                      "Builds of courses by Coursewright",
		WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	var exists *serviceerror.NamespaceAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("make namespace %s: %w", namespace, err)
	}
	return nil
}

func addAttributes(ctx context.Context, c client.Client, namespace string, names []string) error {
	all, add := SearchAttributes(), map[string]enums.IndexedValueType{}
	for _, name := range names {
		add[name] = all[name]
	}
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: add,
	})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("add search attributes to namespace %s: %w", namespace, err)
	}
	return nil
}

// patiently does something until the namespace, which was made a moment ago, is
// known to all of Temporal.
func patiently(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, namespaceWait)
	defer cancel()
	for {
		err := do()
		var missing *serviceerror.NamespaceNotFound
		if !errors.As(err, &missing) {
			return err
		}
		if pause(ctx, time.Second) != nil {
			return err
		}
	}
}
