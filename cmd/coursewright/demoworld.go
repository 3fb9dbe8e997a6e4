package main

import (
	"context"
	"fmt"

	"coursewright/internal/coursetest"
)

// demoInstance is the demo course's id in the stand-in of A+.
const demoInstance = 1

// demoWorld is an A+ and a grader for --demo: stand-ins that speak the real
// protocols and render nothing.
type demoWorld struct {
	*coursetest.World
	self coursetest.Party
}

// startDemoWorld starts the stand-ins when they are wanted; the settings let the
// service find and trust them.
func startDemoWorld(ctx context.Context, wanted bool, cleanup *cleanups) (*demoWorld, map[string]string, error) {
	if !wanted {
		return nil, nil, nil
	}
	self, err := coursetest.NewParty("gitmanager")
	if err != nil {
		return nil, nil, err
	}
	world, err := coursetest.Start(ctx, coursetest.Options{})
	if err != nil {
		return nil, nil, fmt.Errorf("stand-ins of A+ and a grader: %w", err)
	}
	cleanup.add("stand-ins", world.Close)
	more := map[string]string{
		"DISABLE_JWT_SIGNING":      "false",
		"REMOTE_AUTHENTICATOR_UID": world.APlus.Self.UID,
		"REMOTE_AUTHENTICATOR_URL": world.TokenURL(),
		"FRONTEND_URL":             world.APlusURL,
		"DEFAULT_GRADER_URL":       world.GraderURL,
	}
	for name, pem := range map[string]func() (string, error){
		"PRIVATE_KEY":              self.PrivatePEM,
		"PUBLIC_KEY":               self.PublicPEM,
		"REMOTE_AUTHENTICATOR_KEY": world.APlus.Self.PublicPEM,
	} {
		if more[name], err = pem(); err != nil {
			return nil, nil, err
		}
	}
	return &demoWorld{World: world, self: self}, more, nil
}

// know tells the stand-in of A+ about the service and its demo course. Without
// stand-ins nothing happens.
func (w *demoWorld) know(base string) {
	if w == nil {
		return
	}
	w.APlus.AddService(w.self.UID, &w.self.Key.PublicKey, base)
	w.APlus.SetInstance(coursetest.Instance{
		ID: demoInstance, ConfigureURL: base + "/" + demoKey + "/aplus-json", Recipients: []string{"teacher@localhost"},
	})
}
