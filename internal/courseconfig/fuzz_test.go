package courseconfig_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"coursewright/internal/boundstest"
)

// FuzzCourse loads, checks and exports whole courses: archives of an index,
// exercise configurations, included files and apps.meta. A piece of the archive
// is written many times, up to a megabyte, since courses that cost too much are
// mostly small ones with something repeated. When bounds
// are asked for, the promised time and memory are held, too.
func FuzzCourse(f *testing.F) {
	const small worst = 1000
	courses := small.courses()
	for _, name := range slices.Sorted(maps.Keys(courses)) { // a seed keeps its number
		f.Add(archived(courses[name]), uint16(100), uint8(20), uint16(1))
	}
	for _, pattern := range []string{"testdata/oracle/*.txtar", "testdata/reports/*.txtar"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				f.Fatal(err)
			}
			files := map[string]string{}
			for _, file := range archive.Files {
				files[strings.TrimPrefix(file.Name, "input/")] = string(file.Data)
			}
			f.Add(archived(files), uint16(50), uint8(30), uint16(100))
		}
	}
	f.Fuzz(func(t *testing.T, archive []byte, at uint16, size uint8, times uint16) {
		dir := t.TempDir()
		const large = 60_000 // times from here on stand for many, those below for few: large courses take long
		if n := int(times); n < large {
			archive = repeated(archive, int(at), int(size), n%200)
		} else {
			archive = repeated(archive, int(at), int(size), (n-large)*5)
		}
		unpackBytes(t, dir, archive)
		if !boundstest.Asked() {
			everything(t, dir)
			return
		}
		if boundstest.Measure(t, worstUsage, func() { everything(t, dir) }).Within(worstUsage) {
			return
		}
		// The fuzzer's counters made it slower. The promise is about the program
		// without them.
		if used := measured(t, dir); !used.Within(worstUsage) {
			t.Error(used)
		}
	})
}

// archived writes files one after the other.
func archived(files map[string]string) []byte {
	a := &txtar.Archive{}
	for _, name := range []string{"index.yaml", "index.json", "e.yaml", "t.yaml", "apps.meta"} {
		if text, ok := files[name]; ok {
			a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
			delete(files, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(files[name])})
	}
	return txtar.Format(a)
}

// repeated writes size bytes of a text so many times more. The number sign in
// them becomes a number.
func repeated(text []byte, at, size, times int) []byte {
	at = min(at, len(text))
	end := min(at+size, len(text))
	out := append([]byte{}, text[:end]...)
	for i := range times {
		if len(out)+len(text)-end > int(fullWorst) {
			break
		}
		out = append(out, bytes.ReplaceAll(text[at:end], []byte("#"), strconv.AppendInt(nil, int64(i), 10))...)
	}
	return append(out, text[end:]...)
}

// unpackBytes writes an archive into a folder, and nothing beside it.
func unpackBytes(tb testing.TB, dir string, archive []byte) {
	tb.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		tb.Fatal(err)
	}
	defer root.Close() //nolint:errcheck // nothing is left to write
	const most = 50    // files
	a := txtar.Parse(archive)
	for _, f := range a.Files[:min(len(a.Files), most)] {
		if err := root.MkdirAll(filepath.Dir(f.Name), 0o700); err != nil {
			continue // a name that no file can have
		}
		_ = root.WriteFile(f.Name, f.Data, 0o600) // the same
	}
}
