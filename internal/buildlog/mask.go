package buildlog

import (
	"bytes"
	"slices"
	"strings"
)

const (
	// minSecret is the length in bytes from which a line of a secret is masked.
	minSecret = 4
	// maskText stands where a secret was.
	maskText = "***"
)

// masker replaces secrets. The zero value replaces nothing.
type masker struct {
	secrets [][]byte // longest first: one secret may be the beginning of another
}

func newMasker(secrets []string) masker {
	var m masker
	for _, secret := range secrets {
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= minSecret {
				m.secrets = append(m.secrets, []byte(line))
			}
		}
	}
	slices.SortFunc(m.secrets, func(a, b []byte) int { return len(b) - len(a) })
	return m
}

// apply gives the text with secrets replaced; without any it is the same slice.
func (m masker) apply(text []byte) []byte {
	for _, secret := range m.secrets {
		if bytes.Contains(text, secret) {
			text = bytes.ReplaceAll(text, secret, []byte(maskText))
		}
	}
	return text
}

// begun gives the length of the longest end of text that is the beginning of a
// secret.
func (m masker) begun(text []byte) int {
	longest := 0
	for _, secret := range m.secrets {
		for n := min(len(secret)-1, len(text)); n > longest; n-- {
			if bytes.HasSuffix(text, secret[:n]) {
				longest = n
				break
			}
		}
	}
	return longest
}
