package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the login page
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"
)

const (
	loginRoute = "/login"
	// tokenCookie holds a browser's token, under the name that gitmanager gave it.
	tokenCookie = "AuthToken"
)

//go:embed login.html
var loginPage string

//go:embed login.js
var loginScript string

// login exchanges a token, given by a person or by a page of A+, for a cookie.
type login struct {
	template  *template.Template
	policy    string // Content-Security-Policy of the page
	origin    string // of A+'s pages; empty: none
	addresses *Addresses
	limits    *limits
}

func newLogin(frontend string, at *Addresses) (*login, error) {
	origin, err := originOf(frontend)
	if err != nil {
		return nil, err
	}
	t, err := template.New("login").Parse(loginPage)
	if err != nil {
		return nil, fmt.Errorf("parse the login page: %w", err)
	}
	hash := sha256.Sum256([]byte(loginScript))
	return &login{
		template: t, origin: origin, addresses: at,
		policy: "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
			"frame-ancestors 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'",
	}, nil
}

// originOf gives the origin of an address as browsers write it.
func originOf(address string) (string, error) {
	if address == "" {
		return "", nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("FRONTEND_URL is %q: give the address of A+, such as https://aplus.example.org", address)
	}
	host := strings.ToLower(u.Host)
	if usual := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; strings.HasSuffix(host, usual) {
		host = strings.TrimSuffix(host, usual)
	}
	return u.Scheme + "://" + host, nil
}

// crossOrigin lets A+'s pages log their readers in and read the answer.
func (l *login) crossOrigin(c *gin.Context) {
	if c.FullPath() != loginRoute {
		return
	}
	h := c.Writer.Header()
	h.Add("Vary", "Origin")
	if origin := c.GetHeader("Origin"); origin == "" || origin != l.origin {
		return
	}
	h.Set("Access-Control-Allow-Origin", l.origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
}

// serve answers /login. OPTIONS is what browsers ask before a page of A+ may
// log in.
func (l *login) serve(c *gin.Context) {
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead:
		l.page(c)
	case http.MethodPost:
		l.enter(c)
	case http.MethodOptions:
		c.Status(http.StatusNoContent)
	default:
		c.Header("Allow", "GET, HEAD, POST, OPTIONS")
		refuse(c, wrongMethod(c))
	}
}

// loginTexts are what the login page says in one language.
type loginTexts struct {
	Lang, Title, Teachers, Administrators, Scripts, Token, Again, Broken string
}

// loginLanguages are the languages of the login page, which are those of the pages.
var loginLanguages = []loginTexts{
	{
		Lang: "en", Title: "Log in", Token: "Token",
		Teachers:       "Teachers come here from A+: open the course's settings there, then Git Manager.",
		Administrators: "Administrators make a token with",
		Scripts:        "This page needs scripts, to keep the token out of addresses and logs.",
		Again:          "Get a new token and try again.",
		Broken:         "The token could not be sent; it must be copied whole, without line ends.",
	},
	{
		Lang: "fi", Title: "Kirjaudu", Token: "Tunnus",
		Teachers:       "Opettajat tulevat tänne A+:sta: avaa siellä kurssin asetukset ja sitten Git Manager.",
		Administrators: "Ylläpitäjät tekevät tunnuksen komennolla",
		Scripts:        "Tämä sivu tarvitsee skriptejä, jotta tunnus ei jää osoitteisiin eikä lokeihin.",
		Again:          "Hanki uusi tunnus ja yritä uudelleen.",
		Broken:         "Tunnusta ei voitu lähettää; kopioi se kokonaan, ilman rivinvaihtoja.",
	},
}

// loginLanguage is the language that whoever logs in has chosen on the pages, else
// the one that the browser asks for.
func loginLanguage(r *http.Request) loginTexts {
	if chosen, err := r.Cookie("lang"); err == nil {
		for _, texts := range loginLanguages {
			if texts.Lang == chosen.Value {
				return texts
			}
		}
	}
	tags := make([]language.Tag, 0, len(loginLanguages))
	for _, texts := range loginLanguages {
		tags = append(tags, language.Make(texts.Lang))
	}
	wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return loginLanguages[0]
	}
	_, i, _ := language.NewMatcher(tags).Match(wanted...)
	return loginLanguages[i]
}

// page shows a form for a token and forgets the present one: whoever logs out
// comes here too.
func (l *login) page(c *gin.Context) {
	var out bytes.Buffer
	texts := loginLanguage(c.Request)
	err := l.template.Execute(&out, struct {
		loginTexts

		Next   string
		Script template.JS
	}{texts, backTo(c.Query("referer")), template.JS(loginScript)})
	if err != nil { // not reached: the template takes texts
		refuse(c, fmt.Errorf("login page: %w", err))
		return
	}
	l.dropCookie(c)
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Language", texts.Lang)
	c.Header("Content-Security-Policy", l.policy)
	c.Header("Referrer-Policy", "no-referrer")
	c.Data(http.StatusOK, "text/html; charset=utf-8", out.Bytes())
}

// backTo gives the address to go to after the login: the path on this service
// that was asked for, or the courses.
func backTo(referer string) string {
	u, err := url.Parse(referer)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Path == "" ||
		!strings.HasPrefix(referer, "/") || strings.HasPrefix(referer, "//") || strings.Contains(referer, `\`) {
		return "/"
	}
	return u.RequestURI()
}

// enter keeps the token of the Authorization header in a cookie.
func (l *login) enter(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if CallerOf(c.Request).anonymous() {
		refuseToken(c, l.limits.badToken(c, &AuthError{Text: "Invalid token"}))
		return
	}
	if token, ok := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer "); ok {
		l.setCookie(c, token, 0)
	}
	Audit(c.Request, actionLogin, "")
	c.Status(http.StatusOK)
}

func (l *login) dropCookie(c *gin.Context) { l.setCookie(c, "", -1) }

// setCookie sets the cookie until the browser ends, or as long as maxAge says.
func (l *login) setCookie(c *gin.Context, token string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: tokenCookie, Value: token, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: l.addresses.secure(c.Request),
	})
}
