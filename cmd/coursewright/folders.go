package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// measureFolders adds the space on the file systems of the folders of releases to
// the figures; that of the build disk is the host's own.
func (y *system) measureFolders(context.Context) error {
	folders := map[string]string{"store": y.settings.StorePath, "courses": y.settings.CoursesPath}
	for name, path := range folders {
		for _, g := range []struct {
			name, help string
			blocks     func(unix.Statfs_t) uint64
		}{
			{"free_bytes", "Free space on the file system of a folder of releases.", func(s unix.Statfs_t) uint64 { return s.Bavail }},
			{"size_bytes", "Size of the file system of a folder of releases.", func(s unix.Statfs_t) uint64 { return s.Blocks }},
		} {
			err := y.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Namespace: "coursewright", Subsystem: "folder", Name: g.name, Help: g.help, ConstLabels: prometheus.Labels{"folder": name},
			}, func() float64 {
				var s unix.Statfs_t
				if err := unix.Statfs(path, &s); err != nil {
					return 0 // as full as a folder can be that is not there
				}
				return float64(g.blocks(s)) * float64(s.Bsize)
			}))
			if err != nil {
				return err
			}
		}
	}
	return nil
}
