package settings

import (
	"errors"
	"strings"
	"time"
)

func temporalRows() []row {
	return []row{
		define(hostPorts(), func(s *Settings) *string { return &s.TemporalAddress }, Setting{
			Name: "TEMPORAL_ADDRESS", Default: "localhost:7233",
			Doc: "Temporal's frontend service. `coursewright dev` starts a server of its own when nothing is given.",
		}),
		define(names(), func(s *Settings) *string { return &s.TemporalNamespace }, Setting{
			Name: "TEMPORAL_NAMESPACE", Default: "default",
			Doc: "Namespace of the workflows. `coursewright migrate` makes it when it is missing.",
		}),
		define(durations(24*time.Hour, 365*24*time.Hour), func(s *Settings) *time.Duration { return &s.TemporalRetention }, Setting{
			Name: "TEMPORAL_RETENTION", Default: "168h",
			Doc: "How long a namespace that `coursewright migrate` makes keeps the histories of ended workflows.",
		}),
		define(shownURL(), func(s *Settings) *string { return &s.TemporalUIURL }, Setting{
			Name: "TEMPORAL_UI_URL",
			Doc:  "Temporal's Web UI; pages link to it.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.TemporalTLS.On }, Setting{
			Name: "TEMPORAL_TLS", Default: "false",
			Doc: "Encrypt the connection to Temporal. On by itself when one of the next settings is given.",
		}),
		define(paths(), func(s *Settings) *string { return &s.TemporalTLS.CAPath }, Setting{
			Name: "TEMPORAL_TLS_CA",
			Doc:  "PEM file with the certificates that Temporal's own is checked against. Unset: those of the machine.",
		}),
		define(paths(), func(s *Settings) *string { return &s.TemporalTLS.CertPath }, Setting{
			Name: "TEMPORAL_TLS_CERT",
			Doc:  "PEM file with the client certificate. It is read again for every connection, so it may be renewed under a running service.",
		}),
		define(paths(), func(s *Settings) *string { return &s.TemporalTLS.KeyPath }, Setting{
			Name: "TEMPORAL_TLS_KEY",
			Doc:  "PEM file with its private key.",
		}),
		define(texts(), func(s *Settings) *string { return &s.TemporalTLS.ServerName }, Setting{
			Name: "TEMPORAL_TLS_SERVER_NAME",
			Doc:  "The name that Temporal's certificate must have. Unset: the host of `TEMPORAL_ADDRESS`.",
		}),
		define(secrets().with(headerText), func(s *Settings) *Secret { return &s.TemporalAPIKey }, Setting{
			Name: "TEMPORAL_API_KEY", Secret: true, File: true,
			Doc: "API key that Temporal asks for.",
		}),
		define(texts().with(deploymentText), func(s *Settings) *string { return &s.WorkerDeployment }, Setting{
			Name: "WORKER_DEPLOYMENT",
			Doc:  "Name of Temporal's worker deployment, such as `coursewright`: builds then end on the version of the service that began them. See [upgrade.md](upgrade.md) first. Unset: any worker goes on with any build.",
		}),
		define(texts().with(versionText), func(s *Settings) *string { return &s.WorkerBuildID }, Setting{
			Name: "WORKER_BUILD_ID",
			Doc:  "Version of the service within `WORKER_DEPLOYMENT`. Unset: the version that the host list shows.",
		}),
	}
}

// versionText refuses what Temporal takes for no version of a deployment.
func versionText(s string) error {
	if len(s) > 200 || strings.HasPrefix(s, "__") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return errors.New("give at most 200 letters, digits and signs, without spaces")
	}
	return nil
}

// deploymentText refuses what Temporal takes for no name of a deployment.
func deploymentText(s string) error {
	if strings.ContainsAny(s, ".:") {
		return errors.New("give a name without dots and colons")
	}
	return versionText(s)
}

// headerText refuses what cannot be sent as a header.
func headerText(s Secret) error {
	if strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return errors.New("give the key alone, without spaces and line breaks")
	}
	return nil
}

// TemporalTLS says how the connection to Temporal is encrypted. Paths are of PEM
// files; an empty one means that there is none.
type TemporalTLS struct {
	On         bool
	CAPath     string
	CertPath   string
	KeyPath    string
	ServerName string
}

// checkTemporal turns encryption on where something is given that needs it.
func (l *loader) checkTemporal(s *Settings) {
	t := &s.TemporalTLS
	if (t.CertPath == "") != (t.KeyPath == "") {
		l.problem(Problem{Source: s.source("TEMPORAL_TLS_CERT"), Name: "TEMPORAL_TLS_CERT", Message: "and TEMPORAL_TLS_KEY belong together: give both or neither"})
	}
	wanted := ""
	for _, w := range []struct {
		name  string
		given bool
	}{
		{"TEMPORAL_TLS_CA", t.CAPath != ""},
		{"TEMPORAL_TLS_CERT", t.CertPath != ""},
		{"TEMPORAL_TLS_SERVER_NAME", t.ServerName != ""},
		{"TEMPORAL_API_KEY", s.TemporalAPIKey != ""},
	} {
		if w.given {
			wanted = w.name
		}
	}
	switch {
	case wanted == "" || t.On:
	case s.Given("TEMPORAL_TLS"):
		l.problem(Problem{Source: s.source("TEMPORAL_TLS"), Name: "TEMPORAL_TLS", Value: "false", Message: "contradicts " + wanted + ", which needs an encrypted connection: give one of the two"})
	default:
		t.On = true
		s.show("TEMPORAL_TLS", "true")
	}
}
