package main

import (
	"fmt"

	"coursewright/internal/build"
	"coursewright/internal/build/docker"
	"coursewright/internal/build/exec"
	"coursewright/internal/build/local"
)

// builder chooses the implementation that the settings name.
func (y *system) builder() (build.Builder, error) {
	s := y.settings
	switch s.Builder {
	case local.Name:
		return local.New(local.Options{Dev: y.role.dev})
	case exec.Name:
		return exec.New(exec.Options{Program: s.BuildModule, Settings: s.BuildModuleOptions})
	case docker.Name:
		return y.dockerBuilder()
	}
	return nil, fmt.Errorf("setting BUILDER: %q is no builder", s.Builder)
}

func (y *system) dockerBuilder() (build.Builder, error) {
	c := y.settings.Containers
	paths, err := docker.PathMaps(y.settings.BuildModuleOptions)
	if err != nil {
		return nil, fmt.Errorf("setting BUILD_MODULE_SETTINGS: %w", err)
	}
	var mounts []docker.Mount
	for _, m := range c.Mounts {
		mounts = append(mounts, docker.Mount(m))
	}
	b, err := docker.New(docker.Options{
		Host: c.Host, CertPath: c.CertPath, Disk: y.host, Paths: paths, Pull: c.Pull, Logins: c.Logins,
		User: c.User, Memory: c.Memory, CPUs: c.CPUs, PIDs: int64(c.PIDs), LogSize: c.LogSize,
		Network: c.Network, Mounts: mounts, Log: y.log,
	})
	if err != nil {
		return nil, err
	}
	y.cleanup.add("container builder", b.Close)
	return b, nil
}
