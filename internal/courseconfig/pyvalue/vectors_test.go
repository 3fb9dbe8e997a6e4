package pyvalue_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig/pyvalue"
)

// TestVectors reads the documents of the shared test vectors. What JSON lacks
// is written there as {"<date>": "…"} or in the key as "<int>5".
func TestVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/tags-and-yaml.json")
	if err != nil {
		t.Fatal(err)
	}
	file, err := pyvalue.ReadJSON("tags-and-yaml.json", data, pyvalue.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	cases, _ := file.Get("yaml")
	if len(cases.Items) < 80 {
		t.Fatalf("only %d cases", len(cases.Items))
	}
	for _, c := range cases.Items {
		text, _ := c.Get("yaml")
		t.Run(text.Str, func(t *testing.T) {
			t.Parallel()
			got, err := pyvalue.ReadYAML("v.yaml", []byte(text.Str), pyvalue.DefaultLimits())
			if want, fails := c.Get("error"); fails {
				if err == nil {
					t.Fatalf("got %s, want an error (%s)", pyvalue.PyRepr(got), want.Str)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, _ := c.Get("value")
			if diff := cmp.Diff(pyvalue.PyRepr(want), pyvalue.PyRepr(marked(got))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// marked writes a value in the form of the vectors.
func marked(v *pyvalue.Value) *pyvalue.Value {
	mark := func(kind string, of *pyvalue.Value) *pyvalue.Value {
		return pyvalue.NewMap(pyvalue.Field("<"+kind+">", of))
	}
	switch v.Kind {
	case pyvalue.Float:
		if text := pyvalue.PyStr(v); text == "inf" || text == "nan" {
			return mark("float", pyvalue.NewString(text))
		}
	case pyvalue.Date:
		return mark("date", pyvalue.NewString(pyvalue.PyStr(v)))
	case pyvalue.DateTime:
		text := []byte(pyvalue.PyStr(v))
		text[10] = 'T'
		return mark("datetime", pyvalue.NewString(string(text)))
	case pyvalue.Bytes:
		return mark("bytes", pyvalue.NewString(v.Str))
	case pyvalue.Set:
		return mark("set", pyvalue.NewList(v.Items...))
	case pyvalue.List:
		out := pyvalue.NewList()
		for _, item := range v.Items {
			out.Items = append(out.Items, marked(item))
		}
		return out
	case pyvalue.Map:
		out := pyvalue.NewMap()
		for _, e := range v.Entries {
			out.Entries = append(out.Entries, pyvalue.Field(markedKey(e.Key), marked(e.Value)))
		}
		return out
	default:
	}
	return v
}

func markedKey(key *pyvalue.Value) string {
	kind := map[pyvalue.Kind]string{
		pyvalue.Null: "NoneType", pyvalue.Bool: "bool", pyvalue.Int: "int", pyvalue.Float: "float", pyvalue.Date: "date",
	}[key.Kind]
	if kind == "" {
		return pyvalue.PyStr(key)
	}
	return fmt.Sprintf("<%s>%s", kind, pyvalue.PyStr(key))
}
