package pyvalue_test

import (
	"strings"
	"testing"

	"coursewright/internal/courseconfig/pyvalue"
)

// TestReaderReuse reads many files with one Reader, broken and large ones among
// them: every value is the one that a new Reader gives, and stays it while the
// others are read.
func TestReaderReuse(t *testing.T) {
	t.Parallel()
	texts := []string{
		"a: [1, {b: 'c d', e: \"f\\n\"}]\n", "- &x {k: v}\n- <<: *x\n  l: [*x, *x]\n", "a: [1, {b:", "[[[[[", "ä: \"ö\n  ü\"\n", "",
		"a: |\n  text\n  more\n", "!!set {a, b}\n", "!!omap [a: 1, b: 2]\n", "- " + strings.Repeat("[x, ", 200) + strings.Repeat("]", 200),
		"[" + strings.Repeat("{a: b, c: [d]}, ", 20_000) + "]", "\xff\xfea\x00:\x00 \x00b\x00",
	}
	for _, piece := range pieces {
		texts = append(texts, "a: "+piece+"\nb:\n- "+piece+"\n")
	}
	var reader pyvalue.Reader
	type outcome struct {
		v   *pyvalue.Value
		err error
	}
	got := make([]outcome, 2*len(texts))
	for i := range got {
		v, err := reader.ReadYAML("x.yaml", []byte(texts[i%len(texts)]), pyvalue.Limits{})
		got[i] = outcome{v, err}
	}
	for i, o := range got {
		text := texts[i%len(texts)]
		want, err := pyvalue.ReadYAML("x.yaml", []byte(text), pyvalue.Limits{})
		switch {
		case err != nil:
			if o.err == nil || o.err.Error() != err.Error() {
				t.Errorf("%.40q: got %v, want %v", text, o.err, err)
			}
		case o.err != nil:
			t.Errorf("%.40q: %v", text, o.err)
		case pyvalue.PyRepr(o.v) != pyvalue.PyRepr(want):
			t.Errorf("%.40q: got %.200s, want %.200s", text, pyvalue.PyRepr(o.v), pyvalue.PyRepr(want))
		}
	}
}
