package pyvalue_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig/pyvalue"
)

func mustRead(t testing.TB, text string) *pyvalue.Value {
	t.Helper()
	v, err := pyvalue.ReadYAML("index.yaml", []byte(text), pyvalue.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGet(t *testing.T) {
	t.Parallel()
	v := mustRead(t, "a: 1\n1: b\na: 2\n")
	if got, ok := v.Get("a"); !ok || got.Int.Int64() != 2 || got.Pos != (pyvalue.Pos{Line: 3, Column: 4}) || got.File != "index.yaml" {
		t.Errorf("got %+v, %t", got, ok)
	}
	for _, missing := range []string{"1", "b"} {
		if got, ok := v.Get(missing); ok {
			t.Errorf("%s: got %+v", missing, got)
		}
	}
	if _, ok := mustRead(t, "[a]").Get("a"); ok {
		t.Error("found a key in a list")
	}
}

func TestTruthy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"~": false, "no": false, "yes": true, "0": false, "-1": true, "0.0": false, "-0.0": false, ".nan": true, "''": false, "'0'": true,
		"!!binary ''": false, "!!binary AA==": true, "[]": false, "[~]": true, "{}": false, "{a: }": true, "!!set {}": false, "!!set {a}": true,
		"2024-01-01": true, "2024-01-01 00:00:00": true,
	} {
		if got := mustRead(t, text).Truthy(); got != want {
			t.Errorf("%s: got %t", text, got)
		}
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	v := mustRead(t, "a: &x {n: 1, l: [2]}\nb: *x\n")
	before := pyvalue.PyRepr(v)
	c := v.Clone()
	if diff := cmp.Diff(before, pyvalue.PyRepr(c)); diff != "" {
		t.Fatal(diff)
	}
	a, _ := c.Get("a")
	n, _ := a.Get("n")
	n.Int.SetInt64(7)
	l, _ := a.Get("l")
	l.Items[0] = pyvalue.NewNull()
	if diff := cmp.Diff(before, pyvalue.PyRepr(v)); diff != "" {
		t.Errorf("the original changed:\n%s", diff)
	}
	if got, want := pyvalue.PyRepr(c), "{'a': {'n': 7, 'l': [None]}, 'b': {'n': 1, 'l': [2]}}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAliasesShare pins that an alias gives the very value of its anchor.
func TestAliasesShare(t *testing.T) {
	t.Parallel()
	v := mustRead(t, "- &x [1]\n- *x\n")
	if v.Items[0] != v.Items[1] {
		t.Error("the alias is a copy")
	}
}

func TestConstructors(t *testing.T) {
	t.Parallel()
	moment := time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.FixedZone("", -5400))
	for _, c := range []struct {
		v         *pyvalue.Value
		str, repr string
		json      string
	}{
		{pyvalue.NewNull(), "None", "None", "null"},
		{pyvalue.NewBool(true), "True", "True", "true"},
		{pyvalue.NewInt(-5), "-5", "-5", "-5"},
		{pyvalue.NewBigInt(new(big.Int).Lsh(big.NewInt(1), 70)), "1180591620717411303424", "1180591620717411303424", "1180591620717411303424"},
		{pyvalue.NewFloat(1e16), "1e+16", "1e+16", "1e+16"},
		{pyvalue.NewFloat(123456789012345680), "1.2345678901234568e+17", "1.2345678901234568e+17", "1.2345678901234568e+17"},
		{pyvalue.NewFloat(0.0001), "0.0001", "0.0001", "0.0001"},
		{pyvalue.NewFloat(0.00001), "1e-05", "1e-05", "1e-05"},
		{pyvalue.NewFloat(-3), "-3.0", "-3.0", "-3.0"},
		{pyvalue.NewFloat(math.Copysign(0, -1)), "-0.0", "-0.0", "-0.0"},
		{pyvalue.NewString("a'\"\n\u00e4\u200b😀"), "a'\"\n\u00e4\u200b😀", `'a\'"\n` + "\u00e4" + `\u200b😀'`, `"a'\"\n\u00e4\u200b\ud83d\ude00"`},
		{pyvalue.NewString("it's"), "it's", `"it's"`, `"it's"`},
		{pyvalue.NewBytes([]byte("a'\x00\xff")), `b"a'\x00\xff"`, `b"a'\x00\xff"`, ""},
		{pyvalue.NewDate(2024, 5, 6), "2024-05-06", "datetime.date(2024, 5, 6)", `"2024-05-06"`},
		{
			pyvalue.NewDateTime(moment), "2024-05-06 07:08:09.123456-01:30",
			"datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=81000)))",
			`"2024-05-06T07:08:09.123-01:30"`,
		},
		{pyvalue.NewDateTime(time.Date(2024, 5, 6, 7, 8, 0, 0, time.UTC)), "2024-05-06 07:08:00+00:00", "datetime.datetime(2024, 5, 6, 7, 8, tzinfo=datetime.timezone.utc)", `"2024-05-06T07:08:00Z"`},
		{pyvalue.NewNaive(moment), "2024-05-06 07:08:09.123456", "datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)", `"2024-05-06T07:08:09.123"`},
		{pyvalue.NewList(pyvalue.NewInt(1), pyvalue.NewString("x")), "[1, 'x']", "[1, 'x']", `[1, "x"]`},
		{pyvalue.NewSet(pyvalue.NewInt(1), pyvalue.NewBool(true), pyvalue.NewFloat(2)), "{1, 2.0}", "{1, 2.0}", ""},
		{pyvalue.NewSet(), "set()", "set()", ""},
		{
			pyvalue.NewMap(pyvalue.Field("a", pyvalue.NewInt(1)), pyvalue.Entry{Key: pyvalue.NewNull(), Value: pyvalue.NewInt(2)}, pyvalue.Field("a", pyvalue.NewInt(3))),
			"{'a': 3, None: 2}", "{'a': 3, None: 2}", `{"a": 3, "null": 2}`,
		},
	} {
		if got := pyvalue.PyStr(c.v); got != c.str {
			t.Errorf("str: got %s, want %s", got, c.str)
		}
		if got := pyvalue.PyRepr(c.v); got != c.repr {
			t.Errorf("repr: got %s, want %s", got, c.repr)
		}
		got, err := pyvalue.AppendJSON([]byte("…"), c.v)
		switch {
		case c.json == "" && err == nil:
			t.Errorf("%s: got JSON %s, want an error", c.repr, got)
		case c.json != "" && (err != nil || string(got) != "…"+c.json):
			t.Errorf("%s: got JSON %s, %v", c.repr, got, err)
		}
	}
}

func TestJSONPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, path, message string }{
		{"a:\n  b:\n  - 1\n  - .nan\n", "a.b[1]", "nan"},
		{"a: [[-.inf]]\n", "a[0][0]", "-inf"},
		{".inf\n", "", "inf"},
		{"a: !!set {x}\n", "a", "a set"},
		{"- 2: !!binary AA==\n", "[0].2", "binary data"},
		{"a: {2024-01-01: 1}\n", "a", "a key that is a date"},
		{"a: 0x" + strings.Repeat("f", 4000) + "\n", "a", "4300 digits"},
	} {
		v := mustRead(t, c.text)
		_, err := pyvalue.AppendJSON(nil, v)
		var e *pyvalue.ValueError
		if !errors.As(err, &e) {
			t.Errorf("%.20q: got %v, want a ValueError", c.text, err)
			continue
		}
		if e.Path != c.path || !strings.Contains(e.Message, c.message) || e.File != "index.yaml" || e.Pos.Line == 0 {
			t.Errorf("%.20q: got %+v, want path %q and message %q", c.text, e, c.path, c.message)
		}
	}
}

// TestSingleSurrogates pins how texts are held that are no Unicode texts.
func TestSingleSurrogates(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]reader{"yaml": pyvalue.ReadYAML, "json": pyvalue.ReadJSON} {
		v, err := read("x", []byte(`["\ud83d", "\ude00x", "\ud83d\ud83d\ude00"]`), pyvalue.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Items[0].Str; got != "\xed\xa0\xbd" {
			t.Errorf("%s: got %q", name, got)
		}
		text, err := pyvalue.AppendJSON(nil, v)
		if want := `["\ud83d", "\ude00x", "\ud83d\ud83d\ude00"]`; err != nil || string(text) != want {
			t.Errorf("%s: got %s, %v, want %s", name, text, err, want)
		}
	}
}

// TestUTF16 reads the encodings that a byte order mark announces.
func TestUTF16(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\xff\xfea\x00:\x00 \x00=\xd8\x00\xde": "{'a': '😀'}",
		"\xfe\xff\x00a\x00:\x00 \x00b":         "{'a': 'b'}",
		"\xff\xfe":                             "None",
		"\xef\xbb\xbfa: b":                     "{'a': 'b'}",
	} {
		v, err := pyvalue.ReadYAML("x", []byte(text), pyvalue.DefaultLimits())
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := pyvalue.PyRepr(v); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"\xff\xfea", "\xff\xfe=\xd8", "\xff\xfe=\xd8a\x00", "\xff\xfe\x00\xde", "\xfe\xff\x00\x07"} {
		if v, err := pyvalue.ReadYAML("x", []byte(text), pyvalue.DefaultLimits()); err == nil {
			t.Errorf("%q: got %s, want an error", text, pyvalue.PyRepr(v))
		}
	}
}
