package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"coursewright/internal/aplusauth"
)

// demoFiles is the demo course. It lies in testdata since the tests build it
// too.
//
//go:embed all:testdata/demo
var demoFiles embed.FS

const demoKey = "demo"

// demo is how the demo course is made: by the REST API, as anybody would.
type demo struct {
	base  string // of the service
	token string // a master token; empty where callers need none
}

// newDemo makes a token where login checks are on.
func newDemo(y *system, base string) (demo, error) {
	if y.settings.Auth.DisableLoginChecks {
		return demo{base: base}, nil
	}
	token, err := y.tokens.Sign(aplusauth.Claims{
		Subject: "coursewright-demo", Audience: y.tokens.UID(), Expires: time.Now().Add(time.Hour),
	})
	return demo{base: base, token: token}, err
}

// runDemo makes the demo course's repository, registers the course,
// builds it and waits for the end.
func runDemo(ctx context.Context, y *system, base string, out io.Writer) error {
	d, err := newDemo(y, base)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	repository := filepath.Join(y.settings.Data, "demo-course")
	if err := makeDemoRepository(ctx, repository); err != nil {
		return err
	}
	status, err := d.call(ctx, http.MethodPost, "/api/v1/courses", map[string]any{
		"key": demoKey, "git_origin": repository, "git_branch": "main", "remote_id": demoInstance,
	}, nil)
	if err != nil && status != http.StatusConflict {
		return err
	}
	var build struct {
		ID     int64  `json:"id"`
		Status string `json:"status"`
		Reason string `json:"reason"`
	}
	if _, err := d.call(ctx, http.MethodPost, "/api/v1/courses/"+demoKey+"/builds", map[string]any{}, &build); err != nil {
		return err
	}
	fmt.Fprintf(out, "building the demo course in %s\n", repository)
	address := fmt.Sprintf("/api/v1/courses/%s/builds/%d", demoKey, build.ID)
	for build.Status == "PENDING" || build.Status == "RUNNING" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if _, err := d.call(ctx, http.MethodGet, address, nil, &build); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "demo course: build %d ended %s %s\n  see %s/gitmanager/%s/updates and %s/static/%s/welcome.html\n  what the stand-in of A+ imported: %s/\n",
		build.ID, build.Status, build.Reason, base, demoKey, base, demoKey, y.settings.FrontendURL)
	return nil
}

// makeDemoRepository writes and commits the demo course, unless its repository
// is there already.
func makeDemoRepository(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
		return nil
	}
	files, err := fs.Sub(demoFiles, "testdata/demo")
	if err != nil {
		return err
	}
	if err := writeTree(files, dir); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "--all"},
		{"-c", "user.name=Coursewright", "-c", "user.email=demo@localhost", "commit", "--quiet", "--message=Demo course"},
	} {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(text))
		}
	}
	return nil
}

func writeTree(files fs.FS, dir string) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(path, 0o755)
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		return os.WriteFile(path, content, mode)
	})
}

// call sends a JSON request and reads the JSON answer into reply, unless that
// is nil. A status of 400 and above is an error with the answer's text.
func (d demo) call(ctx context.Context, method, address string, body, reply any) (status int, err error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		payload = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, d.base+address, payload)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return res.StatusCode, err
	}
	if res.StatusCode >= http.StatusBadRequest {
		return res.StatusCode, fmt.Errorf("%s %s: %s: %s", method, address, res.Status, bytes.TrimSpace(text))
	}
	if reply == nil {
		return res.StatusCode, nil
	}
	return res.StatusCode, json.Unmarshal(text, reply)
}
