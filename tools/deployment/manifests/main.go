// Command manifests reads Kubernetes objects as YAML from its standard input and
// says what a cluster would not take of them: fields that there are not, values of
// a wrong type, names and labels of a wrong form. It needs no cluster.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/json"
	convert "sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints the kind and name of each object that is as it should be.
func run(in io.Reader, out io.Writer) error {
	var wrong []error
	for documents := yaml.NewYAMLReader(bufio.NewReader(in)); ; {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return errors.Join(wrong...)
		}
		if err != nil {
			return err
		}
		text, err = convert.YAMLToJSONStrict(text)
		if err != nil {
			return err
		}
		if string(text) == "null" { // nothing but comments
			continue
		}
		name, err := check(text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if _, err := fmt.Fprintln(out, name); err != nil {
			return err
		}
	}
}

// kinds are the objects of a chart that a cluster has of itself.
func kinds() map[string]meta.Object {
	return map[string]meta.Object{
		"apps/v1 Deployment": &apps.Deployment{}, "apps/v1 StatefulSet": &apps.StatefulSet{},
		"batch/v1 Job": &batch.Job{}, "v1 Service": &core.Service{}, "v1 PersistentVolumeClaim": &core.PersistentVolumeClaim{},
		"networking.k8s.io/v1 NetworkPolicy": &networking.NetworkPolicy{}, "networking.k8s.io/v1 Ingress": &networking.Ingress{},
		"policy/v1 PodDisruptionBudget": &policy.PodDisruptionBudget{},
	}
}

// check says what is wrong with one object.
func check(text []byte) (name string, err error) {
	var head struct {
		meta.TypeMeta   `json:",inline"`
		meta.ObjectMeta `json:"metadata"`
	}
	if err := json.UnmarshalCaseSensitivePreserveInts(text, &head); err != nil {
		return "object", err
	}
	name = head.Kind + " " + head.Name
	if head.APIVersion == "monitoring.coreos.com/v1" { // the operator's, of which the cluster knows nothing by itself
		return name, checkHead(&head.ObjectMeta)
	}
	into, known := kinds()[head.APIVersion+" "+head.Kind]
	if !known {
		return name, fmt.Errorf("there is no %s %s", head.APIVersion, head.Kind)
	}
	strict, err := json.UnmarshalStrict(text, into)
	return name, errors.Join(append(strict, err, checkHead(into), checkPods(into))...)
}

// checkHead looks at an object's name and labels.
func checkHead(o meta.Object) error {
	var wrong []error
	for _, text := range validation.IsDNS1123Subdomain(o.GetName()) {
		wrong = append(wrong, fmt.Errorf("metadata.name: %s", text))
	}
	for key, value := range o.GetLabels() {
		for _, text := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
			wrong = append(wrong, fmt.Errorf("label %s=%s: %s", key, value, text))
		}
	}
	return errors.Join(wrong...)
}

// checkPods looks at what refers to each other within the pods of an object.
func checkPods(o meta.Object) error {
	var pod core.PodTemplateSpec
	var claims []core.PersistentVolumeClaim
	switch o := o.(type) {
	case *apps.Deployment:
		pod = o.Spec.Template
	case *apps.StatefulSet:
		pod, claims = o.Spec.Template, o.Spec.VolumeClaimTemplates
	case *batch.Job:
		pod = o.Spec.Template
	default:
		return nil
	}
	wrong := []error{checkHead(&meta.ObjectMeta{Name: o.GetName(), Labels: pod.Labels})}
	volumes := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range claims {
		volumes[c.Name] = true
	}
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				wrong = append(wrong, fmt.Errorf("container %s mounts %s, which there is not", c.Name, m.Name))
			}
		}
		for _, p := range c.Ports {
			for _, text := range validation.IsValidPortName(p.Name) {
				wrong = append(wrong, fmt.Errorf("container %s: port %s: %s", c.Name, p.Name, text))
			}
		}
		for _, e := range c.Env {
			for _, text := range validation.IsEnvVarName(e.Name) {
				wrong = append(wrong, fmt.Errorf("container %s: variable %s: %s", c.Name, e.Name, text))
			}
		}
	}
	return errors.Join(wrong...)
}
