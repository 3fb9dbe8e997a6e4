package main

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"coursewright/api"
	"coursewright/internal/course"
	"coursewright/internal/web"
	"coursewright/workflows"
)

func (y *system) buildHandler(context.Context) error {
	addresses, err := api.NewAddresses(y.settings.PublicBaseURL, proxyTexts(y.settings.TrustedProxies))
	if err != nil {
		return err
	}
	origins := y.origins()
	pages, err := web.New(web.Config{
		Log: y.log, Courses: y.store, Rows: y.store, Builds: y.workflows, Releases: y.releases,
		BaseURL: addresses.Base, PublicURL: y.settings.PublicBaseURL, ClientIP: addresses.ClientIP, RunURL: y.runURL, SSHKey: y.publicKey,
		Location: y.settings.TimeZone, May: api.PageAccess, Audit: api.Audit, Hosts: y.store,
		Diffs: y.diffs, Announcer: y.workflows, Previews: y.releases, Caller: func(r *http.Request) string { return api.CallerOf(r).ID },
		AuditLog: y.store, Sweeps: y.store, Origins: origins, Closing: y.closing,
	})
	if err != nil {
		return err
	}
	y.handler, err = api.New(api.Config{ //nolint:contextcheck // handlers use the context of their request
		Log: y.log, Courses: y.store, Rows: y.store, Logs: y.store, Builds: y.workflows, Releases: y.releases,
		ReleasesLag: course.ReadersLag,
		Diffs:       y.diffs,
		Audit:       y.store,
		BuildHosts:  y.store,
		Sweeps:      y.store,
		Origins:     origins,
		DeployKey:   y.publicKey,
		Auth:        authorizer{tokens: y.tokens},
		FrontendURL: y.settings.FrontendURL,
		Addresses:   addresses,
		Pages:       pages,
		Metrics:     promhttp.HandlerFor(y.registry, promhttp.HandlerOpts{}),
		Registry:    y.registry,
		Traces:      y.requestTraces(),
		Ready:       y.ready,
		Closing:     y.closing,
		StaticRoot:  y.settings.StaticRoot,
		CoursesPath: y.settings.CoursesPath,
		StaticURL:   y.settings.StaticURL,

		StaticContentHost: y.settings.StaticContentHost,

		Immediate: y.settings.Immediate,

		Hosts:              y.hosts(),
		UseXSendfile:       y.settings.UseXSendfile,
		AllowUnsignedHooks: y.settings.AllowUnsignedHooks,
		Limits: api.Limits{
			LoginFailures: y.settings.LoginFailures, HookFailures: y.settings.HookFailures, Hooks: y.settings.Hooks,
		},
	})
	return err
}

func proxyTexts(prefixes []netip.Prefix) []string {
	var out []string
	for _, p := range prefixes {
		out = append(out, p.String())
	}
	return out
}

// runURL is the address of a build's workflow in Temporal's Web UI.
func (y *system) runURL(b course.Build) string {
	if y.reach.ui == "" || b.RunID == "" {
		return ""
	}
	return y.reach.ui + "/namespaces/" + url.PathEscape(y.reach.namespace) +
		"/workflows/" + url.PathEscape(workflows.BuildID(b.CourseKey)) + "/" + url.PathEscape(b.RunID)
}

// hosts are the names under which the service may be called. Where callers
// must show a token the name does not matter; where everybody may do everything
// only this machine's own names are answered, so that a page of elsewhere cannot
// reach the service by a name that it has led here.
func (y *system) hosts() []string {
	if y.settings.Auth.DisableLoginChecks {
		return nil
	}
	return []string{"*"}
}
