package buildlog_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/buildlog"
)

func TestCleaning(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ give, want string }{
		"nothing":                   {"", ""},
		"plain lines":               {"one\ntwo\n", "one\ntwo\n"},
		"empty lines":               {"\n\na\n\n", "\n\na\n\n"},
		"last line without an end":  {"one\ntwo", "one\ntwo\n"},
		"other scripts":             {"käännös 🚀 日本\n", "käännös 🚀 日本\n"},
		"tabs":                      {"a\tb\n", "a\tb\n"},
		"not UTF-8":                 {"a\xffb\xc3\n", "a\ufffdb\ufffd\n"},
		"half a character last":     {"a\xe2\x82", "a\ufffd\n"},
		"NUL and other controls":    {"a\x00b\ac\bd\x7fe\u0085f\n", "abcdef\n"},
		"colours":                   {"\x1b[1;31mred\x1b[0m \x1b[38:2:1:2:3mx\x1b[m\n", "\x1b[1;31mred\x1b[0m \x1b[38:2:1:2:3mx\x1b[m\n"},
		"cursor and screen":         {"a\x1b[2J\x1b[1;1Hb\x1b[?25lc\x1b[Kd\n", "abcd\n"},
		"a private sequence with m": {"a\x1b[>4;2mb\n", "ab\n"},
		"an endless sequence":       {"a\x1b[" + strings.Repeat("1;", 500) + "mb\n", "ab\n"},
		"title":                     {"a\x1b]0;title\ab\n", "ab\n"},
		"hyperlink":                 {"\x1b]8;;http://x.example/\x1b\\link\x1b]8;;\x1b\\\n", "link\n"},
		"device control":            {"a\x1bPdata\x1b\\b\n", "ab\n"},
		"title without an end":      {"a\x1b]0;title\nnext\n", "a\nnext\n"},
		"sequence without an end":   {"a\x1b[12\nnext\n", "a\nnext\n"},
		"character set":             {"a\x1b(Bb\x1b=c\x1bcd\n", "abcd\n"},
		"escape last":               {"a\x1b", "a\n"},
		"line ends of Windows":      {"a\r\nb\r\r\n", "a\nb\n"},
		"progress":                  {"10%\r20%\r100%\ndone\n", "100%\ndone\n"},
		"progress without an end":   {"10%\r20%\r", "20%\n"},
		"colour after the return":   {"error\r\x1b[0m\n", "error\x1b[0m\n"},
		"colour of the next state":  {"10%\r\x1b[32mok\n", "\x1b[32mok\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 2, 3, 1 << 20} {
				if diff := cmp.Diff(test.want, through(t, test.give, size)); diff != "" {
					t.Errorf("written %d bytes at a time (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

// through writes text in pieces of a size and gives what reaches the sink.
func through(t *testing.T, text string, size int, secrets ...string) string {
	t.Helper()
	sink := &memory{}
	w := buildlog.NewWriter(t.Context(), sink, 7, secrets...)
	for len(text) > 0 {
		n := min(size, len(text))
		write(t, w, text[:n])
		text = text[n:]
	}
	closeWriter(t, w)
	return sink.text()
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN KEY-----\nAAAAsecretBBBB\nCC==\n-----END KEY-----\n"
	tests := map[string]struct {
		secrets    []string
		give, want string
	}{
		"in a line":          {[]string{"hunter22"}, "pw hunter22 and hunter22\n", "pw *** and ***\n"},
		"without a line end": {[]string{"hunter22"}, "hunter22", "***\n"},
		"almost":             {[]string{"hunter22"}, "hunter2\nhunter\n", "hunter2\nhunter\n"},
		"the longer first":   {[]string{"token", "token-long"}, "token-long token\n", "*** ***\n"},
		"a private key":      {[]string{key}, "key: AAAAsecretBBBB\nCC==\n", "key: ***\n***\n"},
		"too short":          {[]string{"a", "", "\n"}, "banana\n", "banana\n"},
		"with stars":         {[]string{"***x", "tok1"}, "tok1x tok1\n", "***x ***\n"},
		"through control":    {[]string{"hunter22"}, "hun\x1b[Kter\a22\n", "***\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 5, 1 << 20} {
				if diff := cmp.Diff(test.want, through(t, test.give, size, test.secrets...)); diff != "" {
					t.Errorf("written %d bytes at a time (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

func TestSecretsInPrintf(t *testing.T) {
	t.Parallel()
	sink := &memory{}
	w := buildlog.NewWriter(t.Context(), sink, 7, "hunter22")
	write(t, w, "half a li\xc3")
	w.Printf("clone https://x:%s@git.example.org/\x1b[2J", "hunter22")
	w.Printf("two\nlines\n")
	write(t, w, "\xa4ne\n")
	closeWriter(t, w)
	want := "half a li\nclone https://x:***@git.example.org/\ntwo\nlines\näne\n"
	if diff := cmp.Diff(want, sink.text()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	const limit, mark = 64 << 10, "\n[...] "
	secret := "hunter22hunter22"
	tests := map[string]struct{ give, want string }{
		"exactly":        {strings.Repeat("x", limit) + "\n", strings.Repeat("x", limit) + "\n"},
		"one more":       {strings.Repeat("x", limit+1) + "\n", strings.Repeat("x", limit) + mark + "x\n"},
		"characters":     {"a" + strings.Repeat("🚀", limit/4) + "\n", "a" + strings.Repeat("🚀", limit/4-1) + mark + "🚀\n"},
		"across secrets": {strings.Repeat("x", limit-4) + secret + "y\n", strings.Repeat("x", limit-4) + mark + "***y\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1000, 1 << 20} {
				got := through(t, test.give, size, secret)
				if got != test.want {
					t.Errorf("written %d bytes at a time: %d bytes, ends with %q; want %d that end with %q",
						size, len(got), got[max(0, len(got)-30):], len(test.want), test.want[len(test.want)-30:])
				}
			}
		})
	}
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte("a\x1b[31mb\r\n\x1b]0;x\a\xff"), 3)
	f.Add([]byte("hunter22 hun\rter22"), 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 1 {
			size = 1
		}
		got := through(t, string(data), size, "hunter22")
		if !utf8.ValidString(got) || strings.Contains(got, "hunter22") {
			t.Fatalf("log %q is not UTF-8 or contains the secret", got)
		}
		if len(data) > 0 && got != "" && !strings.HasSuffix(got, "\n") {
			t.Fatalf("log %q does not end with a line end", got)
		}
		for _, r := range got {
			if (r < 0x20 && r != '\n' && r != '\t' && r != '\x1b') || (r >= 0x7f && r <= 0x9f) {
				t.Fatalf("log %q contains the control character %U", got, r)
			}
		}
		if whole := through(t, string(data), 1<<20, "hunter22"); whole != got {
			t.Fatalf("in one piece %q, in pieces of %d %q", whole, size, got)
		}
	})
}
