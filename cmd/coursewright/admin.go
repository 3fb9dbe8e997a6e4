package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// serveAdmin answers operators on a listener of their own, if there is one: metrics,
// health and profiles. Unlike the public addresses it tells causes.
func serveAdmin(y *system, l net.Listener, out io.Writer, cleanup *cleanups) {
	if l == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(y.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", y.readyz)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	y.run("admin server", y.newServer(mux), l, cleanup)
	fmt.Fprintf(out, "admin http://%s\n", l.Addr())
}

// readyz tells the state of everything that the process depends on, a line each.
func (y *system) readyz(w http.ResponseWriter, r *http.Request) {
	status, text := http.StatusOK, ""
	for _, f := range y.health.look(r.Context()) {
		state := "ok"
		if f.err != nil {
			state = f.err.Error()
		}
		if f.err != nil && f.needed {
			status = http.StatusServiceUnavailable
		}
		text += fmt.Sprintf("%s: %s\n", f.name, state)
	}
	answer(w, status, text)
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a caller that is gone needs no answer
}
