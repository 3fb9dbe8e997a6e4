package docker

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// engine is what differs between engines.
type engine struct {
	podman   bool
	rootless bool // root of a container is the engine's own user
	cpus     int  // processors of the host; 0: not told
}

func (b *Builder) engine(ctx context.Context) (engine, error) {
	version, err := b.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return engine{}, fmt.Errorf("ask the engine for its version: %w", err)
	}
	info, err := b.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return engine{}, fmt.Errorf("ask the engine for its abilities: %w", err)
	}
	e := engine{cpus: info.Info.NCPU}
	for _, c := range version.Components {
		e.podman = e.podman || strings.HasPrefix(c.Name, "Podman")
	}
	e.rootless = slices.ContainsFunc(info.Info.SecurityOptions, func(option string) bool {
		return strings.Contains(option, "name=rootless")
	})
	return e, nil
}

// logs is a log in which the engine keeps a build's output, up to size bytes of
// it. It is one file with room for what a build prints until it is stopped.
func (e engine) logs(size int64) container.LogConfig {
	config := map[string]string{}
	if size <= 0 {
		size = unlimitedLog
	}
	config["max-size"] = strconv.FormatInt(2*size, 10)
	if e.podman {
		return container.LogConfig{Type: podmanLog, Config: config}
	}
	config["max-file"] = "1"
	config["compress"] = "false" // refused with a single file
	return container.LogConfig{Type: dockerLog, Config: config}
}

// unlimitedLog is the size of a log without limit, as some engines want a size.
const unlimitedLog = 1 << 49
