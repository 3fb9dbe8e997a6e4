package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"coursewright/internal/browsertest"
	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/web"
	"coursewright/internal/web/message"
)

// looks are the ways in which every page is looked at: all of languages, themes
// and widths, two by two.
func looks() map[string]browsertest.Options {
	return map[string]browsertest.Options{
		"light": {NoCache: true},
		"dark":  {Dark: true, Language: "fi"},
		"phone": {Width: 390, Height: 844, Dark: true},
		"night": {Width: 390, Height: 844, Language: "fi"},
	}
}

// maxWeight bounds what a page without a log transfers, in bytes.
const maxWeight = 60_000

// TestPagesInABrowser opens every page in English and Finnish, on a wide and a
// narrow screen: no script fails, nothing sticks out, the accessibility audit finds
// nothing in either theme, and the pages are light. Without the variable AUDIT=all
// the audit looks at one language in each width.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.New(t)
	g := newGallery(t)
	for look, options := range looks() {
		t.Run(look, func(t *testing.T) {
			t.Parallel()
			page := browser.Open(t, options)
			for name, at := range g.pages() {
				page.Go(g.base + at)
				page.Shot(name + "-" + look)
				if english := options.Language == ""; english == (options.Width == 0) || os.Getenv("AUDIT") == "all" {
					for _, problem := range page.AuditThemes(options.Dark) {
						t.Errorf("%s: %s", name, problem)
					}
				}
				fits(t, page, name)
				if options.NoCache {
					weigh(t, page, name)
				}
			}
		})
	}
}

// fits looks whether a page is as wide as the screen. Parts that scroll by
// themselves may be wider.
func fits(t *testing.T, page *browsertest.Page, name string) {
	t.Helper()
	wide := browsertest.Eval[float64](page, `document.documentElement.scrollWidth - innerWidth`)
	if wide <= 0 {
		return
	}
	who := browsertest.Eval[string](page, `[...document.querySelectorAll("main *")]
		.filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll, pre") && !e.firstElementChild)
		.map((e) => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 30)).join("; ")`)
	t.Errorf("%s: the page is %.0f pixels wider than the screen: %s", name, wide, who)
}

// weigh adds up what a page has transferred, live events aside.
func weigh(t *testing.T, page *browsertest.Page, name string) {
	t.Helper()
	page.Wait(`document.readyState === "complete"`)
	weight := browsertest.Eval[float64](page, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
		.filter((e) => !/changes$|events/.test(e.name)).reduce((sum, e) => sum + e.transferSize, 0)`)
	if weight > maxWeight || weight < 5000 {
		t.Errorf("%s transfers %.0f bytes, at most %d are allowed", name, weight, maxWeight)
	}
	t.Logf("%s transfers %.0f bytes", name, weight)
}

// foreignWords are all that Finnish pages have in English: what other programs say.
var foreignWords = map[string]bool{"ModuleNotFoundError: No module named 'numppy'": true}

// On Finnish pages nothing is English that could be Finnish: neither the pages' own
// texts nor those of other parts of the service. What other programs say is marked
// by its language.
func TestFinnishPages(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	catalogue, err := message.Load()
	must(t, err)
	english := map[string]bool{}
	finnish := catalogue.Printer(message.Finnish)
	for _, text := range catalogue.Known() {
		if translated, _ := finnish.Find(text); translated != text {
			english[text] = true
		}
	}
	for name, at := range g.pages() {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		r.Header.Set("Accept-Language", "fi-FI,fi;q=0.9,en;q=0.5")
		w := httptest.NewRecorder()
		g.handler.ServeHTTP(w, r)
		doc, err := html.Parse(w.Body)
		must(t, err)
		if lang := attribute(doc.LastChild, "lang"); lang != "fi" {
			t.Errorf("%s is in %q", name, lang)
		}
		for text := range texts(doc) {
			if english[text] {
				t.Errorf("%s says %q", name, text)
			}
		}
		goquery.NewDocumentFromNode(doc).Find("main [lang=en]").Each(func(_ int, part *goquery.Selection) {
			if !foreignWords[text(part)] {
				t.Errorf("%s says in English %q", name, text(part))
			}
		})
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// texts are the texts and the names of a page, but for parts in other languages
// and code.
func texts(doc *html.Node) map[string]bool {
	out := map[string]bool{}
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		if lang := attribute(n, "lang"); n.Type == html.ElementNode && n.Data != "html" && lang != "" && lang != "fi" || n.Data == "code" || n.Data == "script" {
			return
		}
		if n.Type == html.TextNode {
			out[strings.Join(strings.Fields(n.Data), " ")] = true
		}
		for _, name := range []string{"aria-label", "title", "placeholder", "data-copied", "data-lost", "data-found", "data-none", "data-looking", "data-good", "data-empty"} {
			out[attribute(n, name)] = true
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c)
		}
	}
	visit(doc)
	return out
}

// The language and the theme that somebody has chosen stay, and nothing else
// can be chosen.
func TestChoices(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	for query, want := range map[string]string{
		"lang=fi":              "lang=fi",
		"theme=dark&q=x&state": "theme=dark",
		"lang=xx":              "",
		"theme=%22":            "",
	} {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/gitmanager/?"+query, nil))
		got := ""
		for _, c := range w.Result().Cookies() {
			got = c.Name + "=" + c.Value
		}
		if w.Code != http.StatusSeeOther || got != want || strings.Contains(w.Header().Get("Location"), "lang=") || strings.Contains(w.Header().Get("Location"), "theme=") {
			t.Errorf("%s: status %d, cookie %q, leads to %q", query, w.Code, got, w.Header().Get("Location"))
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "//evil.example.org/?lang=fi", nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if to := w.Header().Get("Location"); strings.HasPrefix(to, "//") {
		t.Errorf("a choice leads elsewhere: %q", to)
	}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/gitmanager/", nil)
	r.AddCookie(&http.Cookie{Name: "lang", Value: "fi"})
	r.AddCookie(&http.Cookie{Name: "theme", Value: "><script>"})
	doc := s.answer(t, r, http.StatusOK)
	if doc.Find("html").AttrOr("lang", "") != "fi" || doc.Find("html[data-theme]").Length() != 0 {
		t.Error("cookies are not kept or not checked")
	}
}

// largeLog is a site with one build, whose log has so many bytes.
func largeLog(tb testing.TB, bytes int) (base string, id int64, lines int) {
	tb.Helper()
	check := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	rows, err := sqlite.Open(tb.Context(), sqlite.Options{
		Path: tb.TempDir() + "/db", Migrate: true, LogCaps: store.LogCaps{Head: 32 << 20, Tail: 32 << 20},
	})
	check(err)
	tb.Cleanup(func() { check(rows.Close()) })
	c := course.New("large")
	c.GitBranch = "main"
	_, err = rows.CreateCourse(tb.Context(), c)
	check(err)
	_, err = rows.RequestBuild(tb.Context(), "large", course.BuildRequest{Trigger: course.TriggerAPI})
	check(err)
	b, _, err := rows.ClaimBuild(tb.Context(), "large", "run", nil)
	check(err)
	_, err = rows.StartTry(tb.Context(), b.ID, "build")
	check(err)
	var part strings.Builder
	for written := 0; written < bytes; written += part.Len() {
		part.Reset()
		for part.Len() < 1<<20 {
			lines++
			fmt.Fprintf(&part, "\x1b[1mreading sources...\x1b[0m [ 37%%] line number %d of a log that goes on and on\n", lines)
		}
		check(rows.AppendLog(tb.Context(), b.ID, part.String()))
	}
	_, err = rows.FinishBuild(tb.Context(), b.ID, course.BuildResult{Status: course.StatusSuccess})
	check(err)
	handler, err := web.New(web.Config{
		Courses: rows, Rows: rows, Builds: &fake{}, Releases: &fake{}, BaseURL: func(*http.Request) string { return "" },
	})
	check(err)
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server.URL, b.ID, lines
}

// A log of 20 MB opens, and its beginning, middle and end can be looked at.
func TestLargeLogInABrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.New(t)
	base, id, lines := largeLog(t, 20<<20)
	page := browser.Open(t, browsertest.Options{})
	page.Go(fmt.Sprintf("%s/gitmanager/large/builds/%d", base, id))
	page.See("#L1", "line number 1 ")
	for _, number := range []int{lines / 2, lines, 2000} {
		page.Fill("#line", fmt.Sprint(number))
		page.Click(".goto button")
		page.See(fmt.Sprintf("#L%d.at", number), fmt.Sprintf("line number %d ", number))
		page.Wait(fmt.Sprintf(`(() => { const box = document.querySelector("#L%d").getBoundingClientRect(); return box.top > 0 && box.bottom < innerHeight; })()`, number))
	}
	// Scrolling by itself loads what comes into sight.
	browsertest.Eval[bool](page, `(scrollTo(0, document.documentElement.scrollHeight), true)`)
	page.See(fmt.Sprintf("#L%d", lines), fmt.Sprintf("line number %d ", lines))
	page.Fill("#find", fmt.Sprintf("number %d ", lines/3))
	page.See("#found", "1 of 1")
	page.See(fmt.Sprintf("#L%d.at", lines/3), "")
	if n := browsertest.Eval[int](page, `document.querySelectorAll(".block > div").length`); n > lines/10 {
		t.Errorf("the page holds %d of %d lines", n, lines)
	}
	res, err := http.Get(fmt.Sprintf("%s/gitmanager/large/builds/%d/lines?offset=x&first=1&lines=1", base, id))
	must(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("a wrong offset gives status %d", res.StatusCode)
	}
}

// BenchmarkLargeLog measures how long it takes until a log of 20 MB can be read
// in a browser, and until its middle is there once somebody goes there.
func BenchmarkLargeLog(b *testing.B) {
	browser := browsertest.New(b)
	base, id, lines := largeLog(b, 20<<20)
	page := browser.Open(b, browsertest.Options{NoCache: true})
	var open, jump time.Duration
	for b.Loop() {
		began := time.Now()
		page.Go(fmt.Sprintf("%s/gitmanager/large/builds/%d", base, id))
		page.See("#L1", "line number 1 ")
		open += time.Since(began)
		began = time.Now()
		page.Fill("#line", fmt.Sprint(lines/2))
		page.Click(".goto button")
		page.See(fmt.Sprintf("#L%d.at", lines/2), "line")
		jump += time.Since(began)
	}
	b.ReportMetric(float64(open.Milliseconds())/float64(b.N), "ms-to-open")
	b.ReportMetric(float64(jump.Milliseconds())/float64(b.N), "ms-to-jump")
}
