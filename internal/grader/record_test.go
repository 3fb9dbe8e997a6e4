package grader_test

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorded is what a grader received.
type recorded struct {
	Header http.Header
	Order  []string
	Fields map[string]string
	Files  map[string]string // header of the part with the archive
	Tar    map[string]packed
	Names  []string // of the archive in its order
	Length int64    // Content-Length
	Read   int64    // bytes of the body
	Err    error
}

// packed is a file in an archive.
type packed struct {
	Mode   int64
	Size   int64
	SHA256 string
	Time   time.Time `json:"-"`
	UID    int       `json:"-"`
	User   string    `json:"-"`
}

// recorder is a grader that writes down what it gets.
type recorder struct {
	mu       sync.Mutex
	requests []recorded
	answer   http.HandlerFunc
}

func newRecorder(tb testing.TB, answer http.HandlerFunc) (*recorder, string) {
	tb.Helper()
	r := &recorder{answer: answer}
	s := httptest.NewServer(r)
	tb.Cleanup(s.Close)
	return r, s.URL + "/configure"
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got := record(r)
	rec.mu.Lock()
	rec.requests = append(rec.requests, got)
	rec.mu.Unlock()
	if rec.answer != nil {
		rec.answer(w, r)
		return
	}
	_, _ = io.WriteString(w, "{}")
}

func (rec *recorder) all() []recorded {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.requests
}

func (rec *recorder) only(tb testing.TB) recorded {
	tb.Helper()
	all := rec.all()
	if len(all) != 1 {
		tb.Fatalf("the grader got %d requests", len(all))
	}
	if all[0].Err != nil {
		tb.Fatal(all[0].Err)
	}
	return all[0]
}

type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

func record(r *http.Request) recorded {
	out := recorded{Header: r.Header, Fields: map[string]string{}, Length: r.ContentLength}
	if len(r.TransferEncoding) > 0 {
		out.Err = errors.New("chunked")
		return out
	}
	body := &counter{Reader: r.Body}
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		out.Err = err
		return out
	}
	parts := multipart.NewReader(body, parameters["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			out.Err = err
			return out
		}
		out.Order = append(out.Order, p.FormName())
		if p.FileName() == "" {
			if len(p.Header) != 1 {
				out.Err = errors.New("text part with more than a disposition")
			}
			data, err := io.ReadAll(p)
			out.Fields[p.FormName()] = string(data)
			out.Err = errors.Join(out.Err, err)
			continue
		}
		out.Files = map[string]string{"filename": p.FileName(), "content_type": p.Header.Get("Content-Type")}
		out.Err = errors.Join(out.Err, out.unpack(p))
	}
	_, err = io.Copy(io.Discard, body)
	out.Read = body.n
	out.Err = errors.Join(out.Err, err)
	return out
}

func (rec *recorded) unpack(from io.Reader) error {
	whole := &counter{Reader: from}
	archive := tar.NewReader(whole)
	rec.Tar = map[string]packed{}
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			return errors.New(h.Name + " is no regular file")
		}
		if _, twice := rec.Tar[h.Name]; twice {
			return errors.New(h.Name + " comes twice")
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, archive); err != nil {
			return err
		}
		rec.Names = append(rec.Names, h.Name)
		rec.Tar[h.Name] = packed{
			Mode: h.Mode, Size: h.Size, SHA256: hex.EncodeToString(sum.Sum(nil)),
			Time: h.ModTime, UID: h.Uid + h.Gid, User: h.Uname + h.Gname,
		}
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return err
	}
	if whole.n%10240 != 0 || whole.n == 0 {
		return errors.New("the archive is not padded to 10240 bytes")
	}
	return nil
}

// tree writes files into a new folder; a text that begins with -> is a link.
func tree(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			tb.Fatal(err)
		}
		var err error
		if to, link := strings.CutPrefix(text, "->"); link {
			err = os.Symlink(to, full)
		} else {
			err = os.WriteFile(full, []byte(text), 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func parse(tb testing.TB, text string) any {
	tb.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return v
}
