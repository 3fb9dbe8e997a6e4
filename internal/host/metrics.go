package host

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Register adds the host's figures to a registry. They are taken when they are
// read.
func (a *Agent) Register(reg prometheus.Registerer) error {
	for _, g := range []struct {
		name, help string
		value      func() float64
	}{
		{"slots", "Build commands that may run at a time.", func() float64 { return float64(a.cfg.Slots.Capacity()) }},
		{"slots_used", "Build commands that run.", func() float64 { used, _ := a.cfg.Slots.Counts(); return float64(used) }},
		{"builds_waiting", "Builds that wait for a slot.", func() float64 { _, waiting := a.cfg.Slots.Counts(); return float64(waiting) }},
		{"taking_builds", "1 while the host takes new builds, else 0.", a.takingBuilds},
		{"disk_free_bytes", "Free space of the build disk.", func() float64 { free, _ := a.space(); return free }},
		{"disk_size_bytes", "Size of the build disk.", func() float64 { _, size := a.space(); return size }},
	} {
		o := prometheus.GaugeOpts{Namespace: "coursewright", Subsystem: "host", Name: g.name, Help: g.help}
		if err := reg.Register(prometheus.NewGaugeFunc(o, g.value)); err != nil {
			return err
		}
	}
	return nil
}

func (a *Agent) takingBuilds() float64 {
	if a.Takes() != nil {
		return 0
	}
	return 1
}

// space is that of the build disk, 0 when it cannot be asked.
func (a *Agent) space() (free, size float64) {
	f, t, err := diskSpace(a.cfg.Path)
	if err != nil {
		return 0, 0
	}
	return float64(f), float64(t)
}
