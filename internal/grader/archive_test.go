package grader_test

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/grader"
)

func plan(tb testing.TB, dir string, files []grader.File) (*grader.Archive, error) {
	tb.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = root.Close() })
	return grader.PlanArchive(tb.Context(), root, files)
}

// unpacked reads an archive to its end.
func unpacked(tb testing.TB, a *grader.Archive) recorded {
	tb.Helper()
	var got recorded
	content := a.Open()
	whole := &counter{Reader: content}
	if err := got.unpack(whole); err != nil {
		tb.Fatal(err)
	}
	if err := content.Close(); err != nil {
		tb.Fatal(err)
	}
	if whole.n != a.Size() {
		tb.Fatalf("the archive was planned with %d bytes and has %d", a.Size(), whole.n)
	}
	return got
}

func TestArchiveNames(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a.txt":       "a",
		"x/one":       "1",
		"x/sub/two":   "2",
		"x-b":         "between x and x/",
		"y/one":       "other 1",
		"y/three":     "3",
		"link":        "->a.txt",
		"x/up":        "->../a.txt",
		"dirlink":     "->x/sub",
		"broken":      "->nowhere",
		"around":      "->around",
		".git/config": "secret",
		"sub/.git":    "gitdir: elsewhere",
		"sub/file":    "s",
	}
	tests := map[string]struct {
		files []grader.File
		want  []string
	}{
		"nothing":                     {nil, nil},
		"a file":                      {[]grader.File{{"n", "a.txt"}}, []string{"n"}},
		"a file below names":          {[]grader.File{{"d/e/n", "a.txt"}}, []string{"d/e/n"}},
		"a name with ./ keeps it":     {[]grader.File{{"./a.txt", "./a.txt"}, {"a.txt", "a.txt"}}, []string{"./a.txt", "a.txt"}},
		"a folder":                    {[]grader.File{{"d", "x"}}, []string{"d/one", "d/sub/two", "d/up"}},
		"a folder at the top":         {[]grader.File{{".", "x/sub"}}, []string{"two"}},
		"an empty name":               {[]grader.File{{"", "x/sub"}}, []string{"two"}},
		"slashes at the end":          {[]grader.File{{"d/", "x/sub/"}}, []string{"d/two"}},
		"names between":               {[]grader.File{{"x", "x"}, {"x-b", "x-b"}, {"x/one", "x/one"}}, []string{"x-b", "x/one", "x/sub/two", "x/up"}},
		"a folder twice":              {[]grader.File{{"d", "x/sub"}, {"d", "x/sub"}, {"d/two", "dirlink/two"}}, []string{"d/two"}},
		"folders merge":               {[]grader.File{{"d", "x/sub"}, {"d", "sub"}}, []string{"d/file", "d/two"}},
		"links to files and folders":  {[]grader.File{{"l", "link"}, {"d", "dirlink"}}, []string{"d/two", "l"}},
		"what is missing":             {[]grader.File{{"l", "broken"}, {"m", "missing/file"}, {"n", "a.txt/below"}, {"o", "around"}}, nil},
		"a path with .. inside":       {[]grader.File{{"n", "x/../a.txt"}}, []string{"n"}},
		"git's own files are no part": {[]grader.File{{"d", "sub"}}, []string{"d/file"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := plan(t, tree(t, files), test.files)
			if err != nil {
				t.Fatal(err)
			}
			got := unpacked(t, a)
			if diff := cmp.Diff(test.want, got.Names); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			for name, f := range got.Tar {
				if f.UID != 0 || f.User != "" {
					t.Errorf("%s has an owner: %+v", name, f)
				}
			}
		})
	}
}

func TestArchiveRefusals(t *testing.T) {
	t.Parallel()
	outside := tree(t, map[string]string{"secret": "s"})
	files := map[string]string{
		"a.txt":    "a",
		"b.txt":    "b",
		"x/a.txt":  "other a",
		"out":      "->../" + filepath.Base(outside) + "/secret",
		"absolute": "->" + filepath.Join(outside, "secret"),
		"d/outdir": "->../../" + filepath.Base(outside),
		"loop/l":   "->../loop",
		"bad/\xff": "not UTF-8",

		".git/config": "[core]",
		"g/l":         "->../.git",
		"gf":          "->.git/config",
	}
	tests := map[string]struct {
		files []grader.File
		want  string // part of the message
	}{
		"a path above":            {[]grader.File{{"n", "../a.txt"}}, `"../a.txt" of the grader's file "n" leads out`},
		"a path above in the end": {[]grader.File{{"n", "x/../../a.txt"}}, "leads out of the course"},
		"an absolute path":        {[]grader.File{{"n", "/etc/passwd"}}, "leads out of the course"},
		"a name above":            {[]grader.File{{"../n", "a.txt"}}, `"../n" cannot be the name`},
		"an absolute name":        {[]grader.File{{"/n", "a.txt"}}, `"/n" cannot be the name`},
		"a name that is no text":  {[]grader.File{{"\xff", "a.txt"}}, "UTF-8"},
		"no name for a file":      {[]grader.File{{".", "a.txt"}}, "needs a name"},
		"two files, one name":     {[]grader.File{{"n", "a.txt"}, {"n", "b.txt"}}, `"n" would be both "a.txt" and "b.txt"`},
		"one name in two forms":   {[]grader.File{{"n", "a.txt"}, {"./n", "b.txt"}}, `would be both "a.txt" and "b.txt"`},
		"merged folders differ":   {[]grader.File{{"", "x"}, {"a.txt", "a.txt"}}, `would be both "a.txt" and "x/a.txt"`},
		"a file with files in it": {[]grader.File{{"n", "a.txt"}, {"n-b", "a.txt"}, {"n/m", "b.txt"}}, `"n/m" ("b.txt") cannot be in a folder, since "n" is a file`},
		"a link out":              {[]grader.File{{"n", "out"}}, `"out" is a symbolic link out of the course`},
		"an absolute link":        {[]grader.File{{"n", "absolute"}}, "symbolic link out of the course"},
		"a linked folder out":     {[]grader.File{{"n", "d"}}, `"d/outdir" is a symbolic link out of the course`},
		"through a link out":      {[]grader.File{{"n", "d/outdir/secret"}}, "symbolic link out of the course"},
		"a folder within itself":  {[]grader.File{{"n", "loop"}}, `"loop/l" leads back`},
		"a file name in no UTF-8": {[]grader.File{{"n", "bad"}}, "is not UTF-8"},
		"a link to git's folder":  {[]grader.File{{"n", "g"}}, `"g/l" is a symbolic link to git's own files`},
		"a link to git's file":    {[]grader.File{{"n", "gf"}}, `"gf" is a symbolic link to git's own files`},
		"through a link to git's": {[]grader.File{{"n", "g/l/config"}}, "symbolic link to git's own files"},
		"git's files":             {[]grader.File{{"n", ".git/config"}}, "belongs to git"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := plan(t, tree(t, files), test.files)
			var author *course.AuthorError
			if !errors.As(err, &author) || !strings.Contains(author.Message, test.want) {
				t.Errorf("got %v, want an author's error with %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), outside) {
				t.Errorf("the message tells a path of the host: %v", err)
			}
		})
	}
}

func TestArchiveRefusesPipes(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"d/a": "a"})
	if err := syscall.Mkfifo(filepath.Join(dir, "d", "pipe"), 0o644); err != nil {
		t.Skip(err)
	}
	var author *course.AuthorError
	if _, err := plan(t, dir, []grader.File{{"d", "d"}}); !errors.As(err, &author) || !strings.Contains(err.Error(), `"d/pipe"`) {
		t.Errorf("got %v", err)
	}
}

func TestArchiveKeepsModesAndTimes(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"run.sh": "#!/bin/sh\n"})
	at := time.Date(2026, 2, 3, 4, 5, 6, 123456789, time.UTC)
	file := filepath.Join(dir, "run.sh")
	if err := errors.Join(os.Chmod(file, 0o755), os.Chtimes(file, at, at)); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("ä/long name/", 30) + "run.sh"
	a, err := plan(t, dir, []grader.File{{long, "run.sh"}})
	if err != nil {
		t.Fatal(err)
	}
	got := unpacked(t, a).Tar[long]
	if got.Mode != 0o755 || !got.Time.Equal(at) || got.Size != 10 {
		t.Errorf("got %+v", got)
	}
}

func TestArchiveStopsWhenAFileChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]func(file string) error{
		"it grows":   func(file string) error { return os.WriteFile(file, []byte("longer than before"), 0o644) },
		"it shrinks": func(file string) error { return os.WriteFile(file, []byte("s"), 0o644) },
		"it is newer": func(file string) error {
			return os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour))
		},
		"it is gone":     os.Remove,
		"it is a folder": func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o755)) },
		"it is a pipe":   func(file string) error { return errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o644)) },
		"it leads out": func(file string) error {
			return errors.Join(os.Remove(file), os.Symlink("/etc/passwd", file))
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string]string{"a": "first", "b": "before"})
			a, err := plan(t, dir, []grader.File{{"", "."}})
			if err != nil {
				t.Fatal(err)
			}
			if err := change(filepath.Join(dir, "b")); err != nil {
				t.Fatal(err)
			}
			content := a.Open()
			defer content.Close() //nolint:errcheck // only read
			_, err = io.Copy(io.Discard, content)
			if err == nil || !strings.Contains(err.Error(), `"b"`) || strings.Contains(err.Error(), dir) {
				t.Errorf("got %v", err)
			}
			var author *course.AuthorError
			if errors.As(err, &author) {
				t.Errorf("a changing file is not the author's fault: %v", err)
			}
		})
	}
}

func TestArchiveStopsWhileAFileGrows(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a": strings.Repeat("a", 100_000)})
	a, err := plan(t, dir, []grader.File{{"", "."}})
	if err != nil {
		t.Fatal(err)
	}
	content := a.Open()
	defer content.Close() //nolint:errcheck // only read
	if _, err := io.ReadFull(content, make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "a"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // the test is over then
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, content); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("got %v", err)
	}
}

func TestArchiveStopsWhenAsked(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(tree(t, map[string]string{"a": "a"}))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close() //nolint:errcheck // only read
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := grader.PlanArchive(ctx, root, []grader.File{{"a", "a"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// sparse makes a folder with one file of the given size that takes no room.
func sparse(tb testing.TB, size int64) string {
	tb.Helper()
	dir := tree(tb, map[string]string{"large": ""})
	if err := os.Truncate(filepath.Join(dir, "large"), size); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// allocated gives the bytes that a function allocates in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

//nolint:paralleltest // measures what the whole process allocates
func TestArchiveTakesNoMemory(t *testing.T) {
	const size, allowed = 64 << 20, 1 << 20
	dir := sparse(t, size)
	var read int64
	used := allocated(func() {
		a, err := plan(t, dir, []grader.File{{"large", "large"}})
		if err != nil {
			t.Fatal(err)
		}
		content := a.Open()
		defer content.Close() //nolint:errcheck // only read
		if read, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, content, make([]byte, 32<<10)); err != nil {
			t.Fatal(err)
		}
	})
	if used > allowed || read < size {
		t.Errorf("an archive of %d bytes took %d bytes of memory, allowed are %d", read, used, allowed)
	}
}

// FuzzArchive plans archives under arbitrary names and paths of a course that
// has links in all directions.
func FuzzArchive(f *testing.F) {
	dir := tree(f, map[string]string{
		"a": "a", "d/b": "b", "d/e/c": "c", "link": "->d/b", "d/up": "->../a", "out": "->../..", "deep": "->d/e", "d/e/back": "->..",
	})
	for _, seed := range [][4]string{
		{"n", "a", "m", "d"},
		{"", "d", "a", "a"},
		{"./b", "d/b", "b", "link"},
		{"../n", "a", "/n", "d/../../a"},
		{"n", "out/x", "n/m", "deep"},
		{"\x00", "a\x00", "\xff", "."},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, name1, path1, name2, path2 string) {
		a, err := plan(t, dir, []grader.File{{name1, path1}, {name2, path2}})
		if err != nil {
			return
		}
		got := unpacked(t, a)
		if !slices.IsSorted(got.Names) {
			t.Errorf("names are not sorted: %q", got.Names)
		}
		for name, file := range got.Tar {
			if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
				t.Errorf("the name %q leaves the archive", name)
			}
			if file.Size != 1 {
				t.Errorf("%q is not one of the course's files: %+v", name, file)
			}
			for above := filepath.Dir(filepath.Clean(name)); above != "."; above = filepath.Dir(above) {
				if _, isFile := got.Tar[above]; isFile {
					t.Errorf("%q is below the file %q", name, above)
				}
			}
		}
	})
}

// BenchmarkLargeArchive sends an archive of 1 GB to a grader on this host.
func BenchmarkLargeArchive(b *testing.B) {
	const size = 1 << 30
	dir := sparse(b, size)
	address := drain(b)
	b.SetBytes(size)
	for b.Loop() {
		used := allocated(func() {
			if err := configureLarge(b, address, dir); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(used)/(1<<20), "MiB-allocated")
		if used > 64<<20 {
			b.Errorf("%d bytes were allocated", used)
		}
	}
}

// BenchmarkManyFiles plans an archive of 20,000 files and reads it.
func BenchmarkManyFiles(b *testing.B) {
	dir := b.TempDir()
	for i := range 200 {
		folder := filepath.Join(dir, "exercises", string(rune('a'+i%26)), time.Duration(i).String())
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 100 {
			if err := os.WriteFile(filepath.Join(folder, time.Duration(j).String()), []byte("text"), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		a, err := plan(b, dir, []grader.File{{"", "."}})
		if err != nil {
			b.Fatal(err)
		}
		content := a.Open()
		n := 0
		for r := tar.NewReader(content); ; n++ {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		if err := content.Close(); err != nil || n != 20_000 {
			b.Fatal(n, err)
		}
	}
}
