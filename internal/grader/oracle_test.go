package grader_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"coursewright/internal/courseconfig"
	"coursewright/internal/grader"
)

// oracle is what gitmanager sent to graders.
type oracle struct {
	Course struct {
		Key      string `json:"key"`
		RemoteID *int64 `json:"remote_id"`
	} `json:"course"`
	Settings   map[string]*string `json:"settings"`
	InputLinks map[string]string  `json:"input_links"`
	Requests   []oracleRequest    `json:"grader_requests"`
}

type oracleRequest struct {
	Path    string            `json:"path"`
	Order   []string          `json:"order"`
	Headers map[string]string `json:"headers"`
	Fields  map[string]any    `json:"fields"`
	Files   map[string]string `json:"files_part"`
	Tar     []struct {
		Name     string `json:"name"`
		Mode     string `json:"mode"`
		Size     int64  `json:"size"`
		SHA256   string `json:"sha256"`
		Linkname string `json:"linkname"`
	} `json:"tar"`
}

func TestRequestsAreThoseOfGitmanager(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/oracle/*.txtar")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d cases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want oracle
			all := map[string]string{}
			for _, f := range archive.Files {
				all[f.Name] = string(f.Data)
			}
			if err := json.Unmarshal([]byte(all["expected.json"]), &want); err != nil {
				t.Fatal(err)
			}
			for link, to := range want.InputLinks {
				all["input/"+link] = "->" + to
			}
			checkOracle(t, filepath.Join(tree(t, all), "input"), want, true)
		})
	}
}

// TestRequestsOfRealCourses reads courses that are not part of the project from
// a folder shared/oracle/real beside it. What the fields hold is compared by
// the package that makes them.
func TestRequestsOfRealCourses(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "oracle", "real", "*", "expected.json"))
	if err != nil || len(files) == 0 {
		t.Skip("no real courses beside the project", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want oracle
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			if len(want.Requests) == 0 {
				t.Skip("the course has no grader")
			}
			checkOracle(t, filepath.Join(filepath.Dir(file), "input"), want, false)
		})
	}
}

// checkOracle sends all requests of a course as a build and a publish would.
func checkOracle(t *testing.T, dir string, want oracle, fields bool) {
	t.Helper()
	setting := func(name string) string {
		if s := want.Settings[name]; s != nil {
			return *s
		}
		return ""
	}
	loaded, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{
		Key: want.Course.Key, DefaultGraderURL: setting("DEFAULT_GRADER_URL"),
		StaticContentHost: setting("STATIC_CONTENT_HOST"), PersonalizedContentDir: "personalized_exercises",
	})
	if err != nil || loaded == nil {
		t.Fatal(err, report)
	}
	rec, base := newRecorder(t, nil)
	client := grader.Client{HTTP: http.DefaultClient}
	version := "{VERSION}"
	named := grader.Course{Key: want.Course.Key, RemoteID: want.Course.RemoteID, Version: version}
	var paths []string
	configures := loaded.Configures()
	for _, c := range configures {
		in := grader.Configuration{Course: named, URL: base, Spec: c.CourseSpec, Dir: dir}
		for _, e := range c.Exercises {
			in.Exercises = append(in.Exercises, grader.Exercise(e))
		}
		for _, f := range c.Files {
			in.Files = append(in.Files, grader.File(f))
		}
		if _, err := client.Configure(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(c.URL)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, u.Path)
	}
	for range configures {
		// Any answer will do, and the answer {} is one complaint.
		if _, err := client.Publish(t.Context(), grader.Publication{Course: named, URL: base}); err != nil {
			t.Fatal(err)
		}
	}
	got := rec.all()
	for i, r := range got {
		w := request(t, want, paths[i%len(paths)], i >= len(paths))
		checkRequest(t, r, w, fields)
	}
}

// request finds one of gitmanager's requests.
func request(t *testing.T, want oracle, path string, publish bool) oracleRequest {
	t.Helper()
	for _, r := range want.Requests {
		if r.Path == path && slices.Contains(r.Order, "publish") == publish && len(r.Order) > 0 {
			return r
		}
	}
	t.Fatalf("gitmanager sends no such request to %s", path)
	return oracleRequest{}
}

func checkRequest(t *testing.T, got recorded, want oracleRequest, fields bool) {
	t.Helper()
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	if got.Length != got.Read || got.Length <= 0 {
		t.Errorf("%d bytes were announced, %d came", got.Length, got.Read)
	}
	if diff := cmp.Diff(want.Order, got.Order); diff != "" {
		t.Errorf("order of the parts (-gitmanager +ours):\n%s", diff)
	}
	for name, value := range want.Headers {
		if got.Header.Get(name) != value {
			t.Errorf("header %s is %q, gitmanager's %q", name, got.Header.Get(name), value)
		}
	}
	if diff := cmp.Diff(want.Files, got.Files); diff != "" {
		t.Errorf("part with the archive (-gitmanager +ours):\n%s", diff)
	}
	archive := want.archive(t)
	for name, f := range got.Tar {
		if f.Size == 0 && !fields {
			// The copies of real courses have empty programs.
			f = archive[name]
		}
		// The copies have lost their modes.
		got.Tar[name] = packed{Mode: 0o664, Size: f.Size, SHA256: f.SHA256}
	}
	if diff := cmp.Diff(archive, got.Tar, equateEmpty()); diff != "" {
		t.Errorf("archive (-gitmanager +ours):\n%s", diff)
	}
	if fields {
		checkFields(t, want.Fields, got.Fields)
	}
}

// archive gives the files of a request. What gitmanager sends as a link is sent
// as its target.
func (r oracleRequest) archive(t *testing.T) map[string]packed {
	t.Helper()
	out := map[string]packed{}
	for _, f := range r.Tar {
		mode, err := strconv.ParseInt(strings.TrimPrefix(f.Mode, "0o"), 8, 32)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = packed{Mode: mode, Size: f.Size, SHA256: f.SHA256}
		if f.Linkname != "" {
			out[f.Name] = out[filepath.Join(filepath.Dir(f.Name), f.Linkname)]
		}
	}
	return out
}

func checkFields(t *testing.T, want map[string]any, sent map[string]string) {
	t.Helper()
	got := map[string]any{}
	for name, text := range sent {
		got[name] = text
		if _, isText := want[name].(string); !isText {
			got[name] = parse(t, text)
		}
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(isTime, cmp.Ignore())); diff != "" {
		t.Errorf("fields (-gitmanager +ours):\n%s", diff)
	}
}

// isTime says whether a value is the time of a file.
func isTime(p cmp.Path) bool {
	index, ok := p.Last().(cmp.MapIndex)
	return ok && index.Key().String() == "mtime"
}

func equateEmpty() cmp.Option {
	return cmp.FilterValues(func(x, y map[string]packed) bool { return len(x)+len(y) == 0 }, cmp.Ignore())
}
