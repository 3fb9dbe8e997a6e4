package main

import (
	"errors"
	"fmt"
)

// cleanups are named steps that undo a start, last one first.
type cleanups struct{ steps []cleanup }

type cleanup struct {
	name string
	do   func() error
}

func (c *cleanups) add(name string, do func() error) {
	c.steps = append(c.steps, cleanup{name: name, do: do})
}

// run does all steps, whatever fails on the way.
func (c *cleanups) run() error {
	var failures []error
	for i := len(c.steps) - 1; i >= 0; i-- {
		if err := c.steps[i].do(); err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", c.steps[i].name, err))
		}
	}
	c.steps = nil
	return errors.Join(failures...)
}
