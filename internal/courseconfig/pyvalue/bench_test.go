package pyvalue_test

import (
	"strings"
	"testing"

	"coursewright/internal/courseconfig/pyvalue"
)

// largeYAML makes a course index of about a megabyte.
func largeYAML() []byte {
	const module = `- key: module
  name: "Round one: the basics"
  points_to_pass: 0
  open: 2024-01-15 12:00:00
  close: 2024-02-15
  children:
  - key: exercise
    name:
      en: First exercise
      fi: Ensimmäinen tehtävä
    description: >
      Some text that goes on
      over two lines.
    config: exercises/first/config.yaml
    max_points: 10
    late_penalty: 0.5
    <<: {category: exercise, allow_assistant_grading: yes}
`
	return []byte("modules:\n" + strings.Repeat(module, 1<<20/len(module)))
}

func BenchmarkReadYAML(b *testing.B) {
	data := largeYAML()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pyvalue.ReadYAML("index.yaml", data, pyvalue.DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadJSON(b *testing.B) {
	data, err := pyvalue.AppendJSON(nil, mustRead(b, string(largeYAML())))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pyvalue.ReadJSON("index.json", data, pyvalue.DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	v := mustRead(b, string(largeYAML()))
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = pyvalue.AppendJSON(out[:0], v); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(out)))
}
