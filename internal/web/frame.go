package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"coursewright/internal/web/message"
)

// Names of the cookies that keep how somebody likes the pages, which are also
// those of the parameters that set them.
const (
	langCookie  = "lang"
	themeCookie = "theme"
)

// keepLook is how long the choice of language and theme is kept.
const keepLook = 365 * 24 * time.Hour

// themes are the looks that can be chosen; empty follows the system.
var themes = map[string]bool{"light": true, "dark": true, "": true}

// frame is what is around every page.
type frame struct {
	Lang   message.Language
	Theme  string
	Here   string // path, for marking where one is
	Query  url.Values
	Admin  bool // the caller may do everything
	Hosts  string
	Page   any
	Script string // a further script; empty: none
}

// Switch is the address of this page that sets one choice.
func (f frame) Switch(name, value string) string {
	q := url.Values{}
	for k, v := range f.Query {
		if k != langCookie && k != themeCookie {
			q[k] = v
		}
	}
	q.Set(name, value)
	return "?" + q.Encode()
}

// kind says how a page is sent.
type kind struct {
	script string // besides the one of all pages
	secret bool   // the page shows secrets: compressing it could tell them
}

// kinds of the pages that are not plain.
var kinds = map[string]kind{
	"build.html":   {script: "log.js"},
	"form.html":    {script: "form.js", secret: true},
	"webhook.html": {secret: true},
}

// parse reads the templates, once for each language.
func (s *site) parse() error {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return fmt.Errorf("list page templates: %w", err)
	}
	if s.assets, err = loadAssets(); err != nil {
		return err
	}
	if s.catalogue, err = message.Load(); err != nil {
		return err
	}
	for _, l := range message.Languages() {
		pages := map[string]*template.Template{}
		for _, name := range names {
			t, err := template.New("layout.html").Funcs(s.functions(s.catalogue.Printer(l))).
				ParseFS(files, "templates/layout.html", "templates/part_*.html", name)
			if err != nil {
				return fmt.Errorf("parse page template %s: %w", path.Base(name), err)
			}
			pages[path.Base(name)] = t
		}
		s.pages[l] = pages
	}
	return nil
}

// printer speaks the language of whoever sent a request.
func (s *site) printer(r *http.Request) message.Printer {
	return s.catalogue.Printer(s.catalogue.Match(cookie(r, langCookie), r.Header.Get("Accept-Language")))
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// look keeps a choice of language or theme that the address makes, and leads to
// the page without it; done says that it did.
func look(w http.ResponseWriter, r *http.Request) (done bool) {
	q := r.URL.Query()
	if r.Method != http.MethodGet || !q.Has(langCookie) && !q.Has(themeCookie) {
		return false
	}
	for _, name := range []string{langCookie, themeCookie} {
		value := q.Get(name)
		if q.Has(name) && (name == langCookie && (value == "en" || value == "fi") || name == themeCookie && themes[value]) {
			http.SetCookie(w, &http.Cookie{
				Name: name, Value: value, Path: "/", MaxAge: int(keepLook / time.Second),
				HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
			})
		}
		q.Del(name)
	}
	to := url.URL{Path: r.URL.Path, RawQuery: q.Encode()}
	http.Redirect(w, r, "/"+strings.TrimLeft(to.String(), "/"), http.StatusSeeOther)
	return true
}

// render fills a template completely before anything is sent.
func (s *site) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	p := s.printer(r)
	theme := cookie(r, themeCookie)
	if !themes[theme] {
		theme = ""
	}
	f := frame{Lang: p.Language, Theme: theme, Here: r.URL.Path, Query: r.URL.Query(), Page: data, Script: kinds[name].script}
	if s.Hosts != nil && s.administers(r) {
		f.Admin, f.Hosts = true, hostsPath
	}
	var out bytes.Buffer
	if err := s.pages[p.Language][name].Execute(&out, f); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Language", string(p.Language))
	head.Add("Vary", "Accept-Language, Cookie, Accept-Encoding")
	body := out.Bytes()
	if !kinds[name].secret && takesGzip(r) {
		head.Set("Content-Encoding", "gzip")
		body = zipped(body)
	}
	head.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a reader who is gone cannot be told
	return nil
}

// takesGzip says whether whoever asks reads gzip.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

func zipped(body []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(body) // memory takes all
	_ = w.Close()
	return out.Bytes()
}

// asset is a stylesheet, a script or a picture.
type asset struct {
	kind   string
	body   []byte
	zipped []byte
	digest string
}

func loadAssets() (map[string]asset, error) {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	out := map[string]asset{}
	names, err := fs.Glob(files, "assets/*")
	if err != nil {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read asset: %w", err)
		}
		sum := sha256.Sum256(body)
		out[path.Base(name)] = asset{kind: types[path.Ext(name)], body: body, zipped: zipped(body), digest: hex.EncodeToString(sum[:6])}
	}
	return out, nil
}

// assetURL is the address of an asset, which changes with its content.
func (s *site) assetURL(name string) string { return "/assets/" + name + "?v=" + s.assets[name].digest }

// asset serves a stylesheet or a script.
func (s *site) asset(w http.ResponseWriter, r *http.Request) error {
	a, ok := s.assets[r.PathValue("name")]
	if !ok {
		return errNoPage
	}
	head := w.Header()
	head.Set("Content-Type", a.kind)
	head.Set("Cache-Control", "max-age=300")
	if r.URL.Query().Get("v") == a.digest {
		head.Set("Cache-Control", "max-age=31536000, immutable")
	}
	head.Add("Vary", "Accept-Encoding")
	body := a.body
	if takesGzip(r) {
		head.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}
