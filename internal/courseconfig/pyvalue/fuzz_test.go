package pyvalue_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"coursewright/internal/courseconfig/pyvalue"
)

// FuzzYAML looks for documents that crash the reader, and for values that
// change when they are written as JSON and read again.
func FuzzYAML(f *testing.F) {
	for _, piece := range pieces {
		f.Add([]byte("a: " + piece + "\n- b"))
	}
	for _, word := range words {
		f.Add([]byte("a:\n    - x: " + word))
	}
	for _, tag := range scalarTags {
		f.Add([]byte(tag + "2024-01-01 12:30:00.5 +02:00"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := pyvalue.ReadYAML("x.yaml", data, pyvalue.DefaultLimits())
		checkRead(t, v, err)
	})
}

// FuzzJSON does for ReadJSON what FuzzYAML does for ReadYAML.
func FuzzJSON(f *testing.F) {
	for _, piece := range jsonPieces {
		f.Add([]byte(`{"a": [` + piece + `]}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := pyvalue.ReadJSON("x.json", data, pyvalue.DefaultLimits())
		checkRead(t, v, err)
	})
}

func checkRead(t *testing.T, v *pyvalue.Value, err error) {
	t.Helper()
	if err != nil {
		var e *pyvalue.SyntaxError
		if !errors.As(err, &e) || e.File == "" || e.Message == "" {
			t.Fatalf("not a proper error: %#v", err)
		}
		return
	}
	if pyvalue.PyRepr(v) != pyvalue.PyRepr(v.Clone()) {
		t.Error("the clone differs")
	}
	text, err := pyvalue.AppendJSON(nil, v)
	if err != nil {
		var e *pyvalue.ValueError
		if !errors.As(err, &e) {
			t.Fatalf("not a proper error: %#v", err)
		}
		return
	}
	again, err := pyvalue.ReadJSON("again.json", text, pyvalue.DefaultLimits())
	if err != nil {
		t.Fatalf("its JSON %s cannot be read: %v", text, err)
	}
	if second, err := pyvalue.AppendJSON(nil, again); err != nil || len(second) > len(text) {
		t.Fatalf("its JSON %s becomes %s, %v", text, second, err)
	}
}

// TestLongInput reads very many of each piece. It fails by the time limit of
// the tests if a reader takes more than linear time for one.
func TestLongInput(t *testing.T) {
	t.Parallel()
	const size = 1 << 16
	g := generator{rand.New(rand.NewPCG(3, 4))}
	for _, piece := range append(append([]string{}, pieces...), scalarParts...) {
		text := []byte(strings.Repeat(piece, size/len(piece)))
		for _, lead := range []string{"", g.pick([]string{"[", "a: ", "\"", "a: |\n ", "- 1"})} {
			data := append([]byte(lead), text...)
			v, err := pyvalue.ReadYAML("x.yaml", data, pyvalue.DefaultLimits())
			checkRead(t, v, err)
			v, err = pyvalue.ReadJSON("x.json", data, pyvalue.DefaultLimits())
			checkRead(t, v, err)
		}
	}
}
