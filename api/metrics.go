package api

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the API's own figures.
type metrics struct {
	duration *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "coursewright_http_request_duration_seconds",
		Help:    "Time from the request to the end of the answer, by route.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"method", "route", "status"})}
	if reg == nil {
		return m, nil
	}
	return m, reg.Register(m.duration)
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
