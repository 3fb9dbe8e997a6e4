package api

import (
	"errors"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the API's own figures.
type metrics struct {
	duration *prometheus.HistogramVec
	caches   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "coursewright_http_request_duration_seconds",
		Help:    "Time from the request to the end of the answer, by route.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"method", "route", "status"})}
	m.caches = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "coursewright_cache_requests_total",
		Help: "Questions to the caches of the API, by cache and outcome: hit, miss.",
	}, []string{"cache", "outcome"})
	if reg == nil {
		return m, nil
	}
	return m, errors.Join(reg.Register(m.duration), reg.Register(m.caches))
}

// cache gives what hears of the questions to a cache.
func (m *metrics) cache(name string) func(hit bool) {
	hits, misses := m.caches.WithLabelValues(name, "hit"), m.caches.WithLabelValues(name, "miss")
	return func(hit bool) {
		if hit {
			hits.Inc()
			return
		}
		misses.Inc()
	}
}

// observe measures a request. Its labels are route templates, so that their
// number is bounded whatever clients send.
func (m *metrics) observe(c *gin.Context) {
	began := time.Now()
	c.Next()
	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	m.duration.WithLabelValues(knownMethod(c.Request.Method), route, strconv.Itoa(c.Writer.Status())).
		Observe(time.Since(began).Seconds())
}

func knownMethod(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return "other"
}
