package pyvalue_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

var update = flag.Bool("update", false, "write the kept answers of Python anew; needs python3 with PyYAML")

const keptFile = "testdata/kept.jsonl"

// kept is a document and what PyYAML 6.0 or Python's json made of it, for
// machines without Python. A line of the file holds one.
type kept struct {
	Kind  string `json:"kind"`
	Data  string `json:"data"` // quoted as in Go, since not all is text
	Dump  string `json:"dump,omitempty"`
	Error string `json:"error,omitempty"` // name of the exception
}

// TestKeptAnswers compares the readers with what Python answered.
func TestKeptAnswers(t *testing.T) {
	t.Parallel()
	if *update {
		writeKept(t)
	}
	data, err := os.ReadFile(keptFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	count := 0
	for lines.Scan() {
		var k kept
		if err := json.Unmarshal(lines.Bytes(), &k); err != nil {
			t.Fatal(err)
		}
		source, err := strconv.Unquote(k.Data)
		if err != nil {
			t.Fatal(err)
		}
		count++
		got, err := read(sample{name: "kept", kind: k.Kind, data: []byte(source)})
		switch {
		case k.Error != "" && err == nil:
			t.Errorf("%s %s: got %s, want an error (%s)", k.Kind, k.Data, dump(got), k.Error)
		case k.Error == "" && err != nil:
			t.Errorf("%s %s: got the error %v, want %s", k.Kind, k.Data, err, k.Dump)
		case k.Error == "" && dump(got) != k.Dump:
			t.Errorf("%s %s:\ngot  %s\nwant %s", k.Kind, k.Data, dump(got), k.Dump)
		}
	}
	if err := lines.Err(); err != nil || count < 1000 {
		t.Errorf("read %d lines: %v", count, err)
	}
}

// writeKept asks Python about all cases, and some generated documents that it
// can read. Long ones are left to the tests that need Python.
func writeKept(t *testing.T) {
	t.Helper()
	reference := startPython(t)
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	lines.SetEscapeHTML(false)
	done := map[string]bool{}
	keep := func(kind, source string, errorsToo bool) {
		const longest = 400
		a := reference.ask(t, sample{kind: kind, data: []byte(source)})
		if len(source) > longest || done[kind+source] || a.Error != "" && !errorsToo {
			return
		}
		if reference.compare(t, sample{kind: kind, data: []byte(source)}) == "" && a.Error == "" {
			if _, err := read(sample{kind: kind, data: []byte(source)}); err != nil {
				return // refused by intention: it contains itself
			}
		}
		done[kind+source] = true
		name, _, _ := bytes.Cut([]byte(a.Error), []byte(":"))
		if err := lines.Encode(kept{Kind: kind, Data: strconv.QuoteToASCII(source), Dump: a.Dump, Error: string(name)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, source := range append(borderCases(), courseCases()...) {
		keep("yaml", source, true)
	}
	for _, source := range jsonBorderCases() {
		keep("json", source, true)
	}
	g := generator{rand.New(rand.NewPCG(3, 5))}
	for range 1500 {
		keep("yaml", g.yaml(), false)
		keep("json", g.json(), false)
	}
	if err := os.WriteFile(keptFile, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
