package rst_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig/rst"
)

// answer is what docutils made of a snippet.
type answer struct{ Source, HTML string }

func readAnswers(tb testing.TB) []answer {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "answers.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var answers []answer
	if err := json.Unmarshal(data, &answers); err != nil {
		tb.Fatal(err)
	}
	return answers
}

func TestHTMLAsDocutils(t *testing.T) {
	t.Parallel()
	for _, a := range readAnswers(t) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(a.HTML, rst.HTML(a.Source)); diff != "" {
				t.Errorf("%s\n(-docutils +here):\n%s", a.Source, diff)
			}
		})
	}
}

// TestHTMLAsReference holds what the service that Coursewright replaces wrote,
// with docutils 0.17.
func TestHTMLAsReference(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, source, want string }{
		{"problems", "*broken\n\n.. nosuch:: x\n", `<p><a href="#id1"><span class="problematic" id="id2">*</span></a>broken</p>
<div class="system-message" id="id1">
<p class="system-message-title">System Message: WARNING/2 (<tt class="docutils">&lt;string&gt;</tt>, line 1); <em><a href="#id2">backlink</a></em></p>
Inline emphasis start-string without end-string.</div>
<div class="system-message">
<p class="system-message-title">System Message: ERROR/3 (<tt class="docutils">&lt;string&gt;</tt>, line 3)</p>
<p>Unknown directive type &quot;nosuch&quot;.</p>
<pre class="literal-block">
.. nosuch:: x
</pre>
</div>
`},
		{"raw, code and formula", ".. raw:: html\n\n   <b>x</b>\n\n.. code-block:: python\n\n   print(1)\n\n:math:`x^2`", `<b>x</b><pre class="code python literal-block">
<span class="name builtin">print</span><span class="punctuation">(</span><span class="literal number integer">1</span><span class="punctuation">)</span>
</pre>
<p><span class="formula"><i>x</i><sup>2</sup></span></p>
`},
		{"raw text with script", ".. raw:: html\n\n   <script>1</script>\n", "<script>1</script>"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, rst.HTML(tt.source)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingReadsFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("the,secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{
		".. include:: " + path,
		".. raw:: html\n   :file: " + path,
		".. raw:: html\n   :url: file://" + path,
		".. csv-table::\n   :file: " + path,
		".. csv-table::\n   :url: file://" + path,
	} {
		got := rst.HTML(source)
		if strings.Contains(got, "the,secret") || !strings.Contains(got, "system-message") {
			t.Errorf("%s\ngave %s", source, got)
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"text": strings.Repeat("x\n", rst.MaxSource),
		"line": strings.Repeat("x", 10001),
	} {
		if got := rst.HTML(source); !strings.Contains(got, "system-message") || len(got) > 1000 {
			t.Errorf("%s: got %d bytes, want a short message", name, len(got))
		}
	}
}

// TestTimeIsBounded converts texts of a quarter of a megabyte that are bad for
// parsers. Each is a matter of a fraction of a second; the limit leaves room
// for the race detector on a busy machine.
func TestTimeIsBounded(t *testing.T) {
	t.Parallel()
	const size = 1 << 18
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	lines := func(s string) string { return fill(strings.Repeat(s, 8000/len(s)) + "\n") }
	deep := ""
	for i := range 1000 {
		deep += strings.Repeat(" ", i) + "x\n\n"
	}
	tests := map[string]string{
		"emphasis": lines("*a "), "backquotes": lines("`a "), "bars": lines("|a "), "names": lines("a-"), "roles": lines(":a"),
		"schemes": lines("a:"), "mail": lines("-a"), "links": lines("a_ "), "urls": lines("http://a.b "), "brackets": lines("[a"),
		"phrases": lines("`a <b>`_ "), "bullets": lines("- "), "list": fill("- a\n"), "quotes": deep, "comments": fill(".. x\n"),
		"grid": fill("+-+-+-+-+-+-+-+-+\n| | | | | | | | |\n"), "plus": lines("+-") + "\n", "targets": fill(".. _a: b_\n"),
		"simple": fill("== ==\n"), "footnotes": fill("[#]_ " + "\n"), "titles": fill("a\n=\n\n"), "substitutions": ".. |a| replace:: b\n\n" + lines("|a| "),
		"chain":  ".. |a| replace:: |b| |b|\n.. |b| replace:: |c| |c|\n.. |c| replace:: |a| |a|\n\n" + lines("|a| "),
		"fields": fill(":a: b\n"), "options": fill("-a  b\n"), "escapes": lines(`\`), "definitions": fill("a\n b\n"),
		"code":  ".. code:: python\n\n" + strings.ReplaceAll("   "+fill("'(\n"), "\n", "\n   "),
		"rules": fill("----\n\n"), "csv": ".. csv-table::\n\n" + strings.ReplaceAll("   "+fill("a,b\n"), "\n", "\n   "),
	}
	for name, source := range tests {
		start := time.Now()
		out := rst.HTML(source)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %v", name, took)
		} else {
			t.Logf("%s: %v, %d bytes", name, took.Round(time.Millisecond), len(out))
		}
	}
}

// TestDocutils compares the converter with the docutils of this machine.
func TestDocutils(t *testing.T) {
	t.Parallel()
	d, err := rst.FindDocutils(t.Context())
	if errors.Is(err, rst.ErrNoDocutils) {
		t.Skip("this machine has no python3 with docutils")
	}
	if err != nil {
		t.Fatal(err)
	}
	answers := readAnswers(t)
	every := len(answers)/15 + 1 // each start of Python takes its time
	var all strings.Builder
	for i, a := range answers {
		if i%every == 0 {
			got, err := d.HTML(t.Context(), a.Source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a.HTML, got); diff != "" {
				t.Errorf("docutils %s answers otherwise than the kept answers:\n%s\n%s", d.Version(), a.Source, diff)
			}
			all.WriteString(a.Source)
		}
	}
	if _, err := d.HTML(t.Context(), all.String()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.HTML(ctx, "x"); err == nil {
		t.Error("a cancelled run gave no error")
	}
}

// FuzzHTML looks for texts that crash or stop the converter.
func FuzzHTML(f *testing.F) {
	for _, a := range readAnswers(f) {
		f.Add(a.Source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		done := make(chan struct{})
		go func() {
			rst.HTML(source)
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("the conversion does not end")
		}
	})
}

// TestCodeWithoutColours shows code beyond what may be coloured as it is.
func TestCodeWithoutColours(t *testing.T) {
	t.Parallel()
	const text = ".. code:: python\n\n   if x: pass\n"
	coloured := rst.HTML(text)
	left := len("if x: pass") + 5
	c := rst.Converter{Code: &left}
	if got := c.HTML(text); got != coloured || !strings.Contains(got, "<span") {
		t.Errorf("the first is %s", got)
	}
	if got := c.HTML(text); strings.Contains(got, "<span") || !strings.Contains(got, "if x: pass") {
		t.Errorf("the second is %s", got)
	}
}
