package remote_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"coursewright/internal/remote"
)

// FuzzOneLine shows what other services say: one line of printable text, no
// longer than allowed.
func FuzzOneLine(f *testing.F) {
	for _, text := range []string{"two\nlines", "\x1b[31mred", "\u202eright to left", "\xff\x00", " a  b ", strings.Repeat("ä", 600)} {
		f.Add(text, 20)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 1), 1000)
		got := remote.OneLine(text, limit)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is shown as %q", text, got)
		}
		if n := utf8.RuneCountInString(got); n > limit+1 {
			t.Errorf("%q is shown with %d characters, %d are allowed", text, n, limit)
		}
	})
}

// FuzzShowURL shows addresses without what may be secret in them.
func FuzzShowURL(f *testing.F) {
	const secret = "hunter22hunter22"
	for _, path := range []string{"", "/a b", "/%2f", "//x", "/a?x#y", "\n"} {
		f.Add("user", "host:80", path)
	}
	f.Fuzz(func(t *testing.T, user, host, path string) {
		u := &url.URL{Scheme: "https", User: url.UserPassword(user, secret), Host: host, Path: path, RawQuery: "token=" + secret, Fragment: secret}
		if strings.Contains(host+path, secret) {
			return
		}
		if got := remote.ShowURL(u); strings.Contains(got, secret) || strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("%s is shown as %q", u, got)
		}
	})
}
