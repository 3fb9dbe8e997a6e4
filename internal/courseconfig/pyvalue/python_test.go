package pyvalue_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig/pyvalue"
)

// sample is one document for both readers.
type sample struct {
	name string
	kind string // yaml or json
	data []byte
}

// answer is what Python makes of a sample.
type answer struct {
	Error string
	Dump  string
	Repr  string // empty when sets are in it, as their order is arbitrary, and for huge numbers
	Str   string
	JSON  string // "error" when it cannot be written

	Places [][2]int // line and column of everything as written; empty for JSON
}

// python is a running reference reader.
type python struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// startPython starts the reference reader, or skips the test where there is
// no python3 with PyYAML.
func startPython(t testing.TB) *python {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import yaml").Run(); err != nil {
		t.Skip("needs python3 with PyYAML")
	}
	cmd := exec.CommandContext(t.Context(), "python3", "testdata/reference.py")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("reference.py: %v\n%s", err, &stderr)
		}
	})
	return &python{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

// ask gives Python's answer.
func (p *python) ask(t testing.TB, s sample) answer {
	t.Helper()
	line, err := json.Marshal(map[string]string{"kind": s.kind, "data": base64.StdEncoding.EncodeToString(s.data)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	reply, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(reply, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// read reads a sample with the package under test.
func read(s sample) (*pyvalue.Value, error) {
	if s.kind == "json" {
		return pyvalue.ReadJSON(s.name, s.data, pyvalue.DefaultLimits())
	}
	return pyvalue.ReadYAML(s.name, s.data, pyvalue.DefaultLimits())
}

// compare reads a sample on both sides and tells the difference; empty when
// there is none.
func (p *python) compare(t testing.TB, s sample) string {
	t.Helper()
	want := p.ask(t, s)
	got, err := read(s)
	switch {
	case strings.HasPrefix(want.Error, "RecursionError"):
		if err == nil {
			return "got a value, want an error, since the value contains itself or is too deep"
		}
		return ""
	case want.Error != "" && err != nil:
		return ""
	case want.Error != "":
		return fmt.Sprintf("got %s, want the error %s", dump(got), want.Error)
	case err != nil && strings.Contains(err.Error(), "stands inside its own anchor"):
		return "" // refused by intention, even where Python drops the value again
	case err != nil:
		return fmt.Sprintf("got the error %v, want %s", err, want.Dump)
	}
	if d := dump(got); d != want.Dump {
		return fmt.Sprintf("got  %s\nwant %s", d, want.Dump)
	}
	if want.Repr != "" {
		if r := pyvalue.PyRepr(got); r != want.Repr {
			return fmt.Sprintf("got  repr %s\nwant repr %s", r, want.Repr)
		}
		if r := pyvalue.PyStr(got); hex.EncodeToString([]byte(r)) != want.Str {
			return fmt.Sprintf("got  str %q\nwant str, as hex, %s", r, want.Str)
		}
	}
	if places := placesOf(nil, got); len(places) == len(want.Places) { // else keys repeat or merge
		if diff := cmp.Diff(want.Places, places); diff != "" {
			return "places (-want +got):\n" + diff
		}
	}
	text, err := pyvalue.AppendJSON(nil, got)
	if err != nil {
		text = []byte("error")
	}
	if string(text) != want.JSON {
		return fmt.Sprintf("got  JSON %s\nwant JSON %s", text, want.JSON)
	}
	return ""
}

// placesOf lists the places of a value and all in it, in document order.
func placesOf(places [][2]int, v *pyvalue.Value) [][2]int {
	places = append(places, [2]int{v.Pos.Line, v.Pos.Column})
	for _, item := range v.Items {
		places = placesOf(places, item)
	}
	for _, e := range v.Entries {
		places = placesOf(placesOf(places, e.Key), e.Value)
	}
	return places
}

// dump writes a value as reference.py does, with the type of everything.
func dump(v *pyvalue.Value) string {
	switch v.Kind {
	case pyvalue.Null:
		return "null"
	case pyvalue.Bool:
		return fmt.Sprint(v.Bool)
	case pyvalue.Int:
		return fmt.Sprintf("int%#x", v.Int)
	case pyvalue.Float:
		return "float" + pyvalue.PyStr(v)
	case pyvalue.String:
		text, err := pyvalue.AppendJSON(nil, v)
		if err != nil {
			return err.Error()
		}
		return string(text)
	case pyvalue.Bytes:
		return "bytes" + hex.EncodeToString([]byte(v.Str))
	case pyvalue.Map:
		parts := make([]string, 0, len(v.Entries))
		for _, e := range v.Entries {
			parts = append(parts, dump(e.Key)+": "+dump(e.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case pyvalue.List, pyvalue.Set:
		return dumpItems(v)
	default:
		return pyvalue.PyRepr(v)
	}
}

func dumpItems(v *pyvalue.Value) string {
	parts := make([]string, 0, len(v.Items))
	for _, item := range v.Items {
		parts = append(parts, dump(item))
	}
	name := "list"
	switch {
	case v.Tuple:
		name = "tuple"
	case v.Kind == pyvalue.Set:
		name = "set"
		slices.Sort(parts)
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}
