package docker

import (
	"bytes"
	"slices"
)

// noNetworkNotice ends the log of a build that failed while it missed the
// network.
const noNetworkNotice = `Builds have no network here, and this one seems to have looked for one. Have what it
downloads in the build image (build_image in apps.meta) or in the course, or ask the
administrator for a network (BUILD_NETWORK).
`

// networkTrouble looks in a build's output for what programs say when they do
// not reach another machine.
type networkTrouble struct {
	seen bool
	tail []byte // of what came before, as long as a saying may be
}

// longestSaying is how much of the output is kept to find a saying in pieces.
const longestSaying = 64

func networkSayings() []string {
	return []string{
		"Network is unreachable",
		"Temporary failure in name resolution",
		"Temporary failure resolving",
		"Name or service not known",
		"Could not resolve host",
		"Could not resolve hostname",
		"Could not resolve '",
		"bad address '", // busybox
		"unable to resolve host address",
		"getaddrinfo EAI_AGAIN",
		"getaddrinfo ENOTFOUND",
		"Failed to establish a new connection",
		"no such host",
	}
}

// look copies no more of the output than a saying may be long.
func (t *networkTrouble) look(p []byte) {
	if t.seen {
		return
	}
	across := append(t.tail, p[:min(len(p), longestSaying)]...)
	t.seen = saysNoNetwork(p) || saysNoNetwork(across)
	last := across
	if len(p) > longestSaying {
		last = p
	}
	t.tail = append(t.tail[:0], last[max(0, len(last)-longestSaying):]...)
}

func saysNoNetwork(text []byte) bool {
	return slices.ContainsFunc(networkSayings(), func(saying string) bool { return bytes.Contains(text, []byte(saying)) })
}
