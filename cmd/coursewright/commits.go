package main

import (
	"coursewright/internal/commitstatus"
	"coursewright/internal/settings"
)

// commitClient tells the git hosts that the settings name.
func commitClient(hosts map[string]settings.CommitStatusHost) *commitstatus.Client {
	c := &commitstatus.Client{Hosts: map[string]commitstatus.Host{}}
	for name, h := range hosts {
		c.Hosts[name] = commitstatus.Host{Kind: commitstatus.Kind(h.Kind), API: h.API, Token: h.Token.Reveal()}
	}
	return c
}
