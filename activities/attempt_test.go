package activities

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/store/sqlite"
)

// forgetful is a database that loses what it has acknowledged, as one that crashes
// before it has written to its disk: a try that counts on more than is left of it is
// told so by the real one, to which nothing that is lost ever came.
type forgetful struct {
	TryStore

	lost bool // appends are acknowledged and lost
}

func (f *forgetful) AppendTry(ctx context.Context, t course.Try, a course.LogAppend) error {
	if f.lost {
		return nil
	}
	return f.TryStore.AppendTry(ctx, t, a)
}

// What a database has acknowledged and lost is told to it again, once; what is not
// known any more is named in the log.
func TestLostAppendsAreToldAgain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", keptBytes/3-1) + "\n"
	for name, c := range map[string]struct {
		lost  []string // between "begin" and "end"
		ended bool     // the try ends next, else it goes on
		want  string
	}{
		"it goes on":           {[]string{"one\n", "two\n"}, false, "begin\none\ntwo\nend\n"},
		"it ends":              {[]string{"one\n", "two\n"}, true, "begin\none\ntwo\n"},
		"nothing was lost":     {nil, false, "begin\nend\n"},
		"more than is kept":    {[]string{"one\n", long, long, "two\n", long}, false, "begin\n" + lostNotice + long + "two\n" + long + "end\n"},
		"no more than is kept": {[]string{"one\n", long, "two\n", long}, false, "begin\none\n" + long + "two\n" + long + "end\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, try := startedTry(t)
			f := &forgetful{TryStore: s}
			a := &attempt{store: f, try: try}
			number := int64(0)
			add := func(text string) {
				t.Helper()
				number++
				if err := a.AppendPlaced(t.Context(), buildlog.Batch{Number: number, Text: text}); err != nil {
					t.Fatal(err)
				}
			}
			add("begin\n")
			f.lost = true
			for _, text := range c.lost {
				add(text)
			}
			f.lost = false
			if !c.ended {
				add("end\n")
			}
			if err := a.finish(t.Context(), course.OutcomeOK, ""); err != nil {
				t.Fatal(err)
			}
			if got := textOf(t, s, try.BuildID); got != c.want {
				t.Errorf("the log has %s, want %s", shape(got), shape(c.want))
			}
		})
	}
}

// shape shows a log without its long lines.
func shape(log string) (out string) {
	for line := range strings.Lines(log) {
		out += fmt.Sprintf("%.40q(%d) ", line, len(line))
	}
	return out
}

func startedTry(t *testing.T) (*sqlite.Store, course.Try) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "db"), Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.CreateCourse(t.Context(), course.New("a")); err != nil {
		t.Fatal(err)
	}
	b, err := s.RequestBuild(t.Context(), "a", course.BuildRequest{})
	if err != nil {
		t.Fatal(err)
	}
	try, err := s.StartTry(t.Context(), b.ID, "build")
	if err != nil {
		t.Fatal(err)
	}
	return s, try
}

func textOf(t *testing.T, s *sqlite.Store, id int64) (text string) {
	t.Helper()
	for offset := int64(0); ; {
		chunks, next, err := s.ReadLog(t.Context(), id, offset)
		if err != nil {
			t.Fatal(err)
		}
		if len(chunks) == 0 {
			return text
		}
		for _, c := range chunks {
			text += c.Text
		}
		offset = next
	}
}
