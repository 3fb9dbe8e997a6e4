package courseconfig_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"coursewright/internal/courseconfig"
)

// TestMoreProblems finds every problem counted where not all are listed.
func TestMoreProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ index, more, summary string }{
		"errors":   {"name: C\nmodules:\n" + repeat(2000, "- %d\n"), "1501 more errors not shown", "2000 errors, 0 warnings"},
		"keys":     {"name: C\nmodules: [{key: m, name: M, children: [{key: e, category: c, " + repeat(2000, "k%d: 1, ") + "}]}]\n", "1501 more errors not shown", "2000 errors, 0 warnings"},
		"warnings": {"name: C\nmodules: []\n" + repeat(2000, "k%d: 1\n"), "1501 more warnings not shown", "0 errors, 2000 warnings"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := courseFolder(t, map[string]string{"index.yaml": tt.index})
			_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c"})
			if err != nil {
				t.Fatal(err)
			}
			text := report.Text(dir)
			if !strings.Contains(text, ": "+tt.more) || !strings.HasSuffix(text, tt.summary+"\n") {
				t.Errorf("the report ends\n%s", text[max(0, len(text)-300):])
			}
			var told struct{ Errors, Warnings []struct{ Message string } }
			if err := json.Unmarshal(mustBytes(t)(report.JSON()), &told); err != nil {
				t.Fatal(err)
			}
			list := append(told.Errors, told.Warnings...)
			if len(list) != 500 || list[499].Message != tt.more {
				t.Errorf("%d entries in JSON, the last is %q", len(list), list[len(list)-1].Message)
			}
		})
	}
}

// endingContext ends after it was asked so many times.
type endingContext struct {
	context.Context
	left atomic.Int64
}

func (c *endingContext) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestStops stops loading wherever much is done. Each course asks many
// times whether it is still wanted, and ends when it is not.
func TestStops(t *testing.T) {
	t.Parallel()
	const most = 1 << 40
	tests := map[string]struct {
		files map[string]string
		asked int64 // at least
	}{
		"objects":   {map[string]string{"index.yaml": repeatIndex(1000), "e.yaml": worstForm}, 1000},
		"values":    {map[string]string{"index.yaml": "name: C\nmodules:\n" + repeat(20_000, "- {key: m%d, name: M}\n")}, 50},
		"includes":  {map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n" + repeat(1000, "- {file: t.yaml, force: true}\n"), "t.yaml": repeat(50, "k%d: 1\n")}, 50},
		"templates": {map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n" + repeat(20_000, "- {file: t.yaml, force: true, template_context: {}}\n"), "t.yaml": "a: 1\n"}, 50},
		"tags":      {map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + "b:\n" + repeat(10_000, "- {a|i18n: {en: b}}\n")}, 50},
		"texts":     {map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + repeat(10_000, "k%d|rst: a text %[1]d\n")}, 50},
		"form":      {map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + "fieldgroups:\n- fields:\n" + repeat(20_000, "  - {title: t%d}\n")}, 50},
		"files":     {map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + translations(40) + "model_files|i18n: {" + repeat(40, "l%d: ["+strings.Repeat("a.py, ", 200)+"], ") + "}\n"}, 50},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := courseFolder(t, tt.files)
			whole := &endingContext{Context: t.Context()}
			whole.left.Store(most)
			if _, _, err := courseconfig.Load(whole, dir, courseconfig.Settings{Key: "c"}); err != nil {
				t.Fatal(err)
			}
			asked := most - whole.left.Load()
			if asked < tt.asked {
				t.Errorf("asked %d times, want %d", asked, tt.asked)
			}
			for _, at := range []int64{0, 1, asked / 2, asked - 1} {
				ctx := &endingContext{Context: t.Context()}
				ctx.left.Store(at)
				if _, _, err := courseconfig.Load(ctx, dir, courseconfig.Settings{Key: "c"}); !errors.Is(err, context.Canceled) {
					t.Errorf("ended after %d of %d: %v", at, asked, err)
				}
			}
		})
	}
}
