package postgres

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Register adds the figures of the connection pool to a registry. They are taken
// when they are read.
func (s *Store) Register(reg prometheus.Registerer) error {
	stat := func(value func(*pgxpool.Stat) float64) func() float64 {
		return func() float64 { return value(s.pool.Stat()) }
	}
	name := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Name: "coursewright_database_pool_" + name, Help: help}
	}
	for _, c := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(name("connections_max", "Connections that the pool holds at most.")),
			stat(func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(name("connections", "Connections that the pool holds.")),
			stat(func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(name("connections_used", "Connections in use.")),
			stat(func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts(name("waits_total", "Times that a connection had to be waited for.")),
			stat(func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts(name("wait_seconds_total", "Time spent waiting for connections.")),
			stat(func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() })),
	} {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}
