package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"coursewright/api"
	"coursewright/internal/browsertest"
	"coursewright/internal/web"
)

// The pages that the API itself has, the login and the description of the REST API,
// pass the accessibility audit in both themes. The description is long and English,
// so that it is audited once.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.New(t)
	f := newFixture(t, func(c *api.Config) {
		c.Auth, c.Hosts = oneToken{}, []string{"*"}
		pages, err := web.New(web.Config{ // for their stylesheet
			Log: c.Log, BaseURL: func(*http.Request) string { return "" },
		})
		must(t, err)
		c.Pages = pages
	})
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	for look, options := range map[string]browsertest.Options{
		"wide": {}, "phone": {Width: 390, Height: 844, Dark: true, Language: "fi"},
	} {
		page := browser.Open(t, options)
		for name, at := range map[string]string{"login": "/login?referer=/gitmanager/", "docs": "/api/v1/docs"} {
			page.Go(server.URL + at)
			page.Shot(name + "-" + look)
			if name == "login" || !options.Dark {
				for _, problem := range page.AuditThemes(options.Dark) {
					t.Errorf("%s, %s: %s", name, look, problem)
				}
			}
			if wide := browsertest.Eval[float64](page, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
				t.Errorf("%s, %s: the page is %.0f pixels wider than the screen", name, look, wide)
			}
		}
	}
	page := browser.Open(t, browsertest.Options{Language: "fi"})
	page.Go(server.URL + "/login")
	page.See("h1", "Kirjaudu")
	page.Fill("#token", "nothing")
	page.Click("#login button")
	page.See("#problem", "Hanki uusi tunnus")
	page.Fill("#token", "good.token.x")
	page.Click("#login button")
	page.Wait(`location.pathname !== "/login"`)

	// A reader of the description finds a call and what it takes.
	page.Go(server.URL + "/api/v1/docs")
	page.Click(`nav a[href="#startBuild"]`)
	page.Wait(`location.hash === "#startBuild" && document.querySelector("#startBuild").getBoundingClientRect().top < innerHeight`)
	page.See("section[aria-labelledby=startBuild]", "POST /api/v1/courses/{key}/builds")
	page.See("section[aria-labelledby=startBuild]", "Idempotency-Key")
	page.Click(`section[aria-labelledby=startBuild] a[href="#schema-BuildOptions"]`)
	page.Wait(`document.querySelector("#schema-BuildOptions").getBoundingClientRect().top < innerHeight`)
	page.See("section:has(> #schema-BuildOptions)", "rebuild_all")
}
