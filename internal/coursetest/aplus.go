package coursetest

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// FakeAPlus is an A+: it signs tokens for other services, imports courses when
// it is notified, and takes mails. It is an http.Handler and safe for concurrent
// use.
type FakeAPlus struct {
	// Self is A+'s own name and key.
	Self Party
	// HTTP reads courses. Nil means a client without limits.
	HTTP *http.Client
	// Intercept sees every request first, if set; true means that it answered.
	Intercept func(http.ResponseWriter, *http.Request) bool

	mu        sync.Mutex
	services  []service
	instances map[int64]*Instance
	imports   []Import
	mails     []Mail
	problems  []string
}

// Instance is a course instance of A+.
type Instance struct {
	ID           int64
	ConfigureURL string   // where its aplus-json is
	BuildLogURL  string   // of the last import
	Recipients   []string // technical addresses; without any A+ sends no mail
}

// Mail is a mail that A+ was asked to send.
type Mail struct {
	Instance         int64
	Recipients       []string
	Subject, Message string
}

// NewFakeAPlus makes an A+ that knows nobody.
func NewFakeAPlus(self Party) *FakeAPlus {
	return &FakeAPlus{Self: self, instances: map[int64]*Instance{}}
}

// AddService makes a service at an address (scheme, host and perhaps a path)
// known to A+: its tokens are believed, and calls to it get tokens for it.
func (a *FakeAPlus) AddService(uid string, key *rsa.PublicKey, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.services = append(a.services, service{uid, key, address})
}

// SetInstance adds a course instance or replaces it.
func (a *FakeAPlus) SetInstance(i Instance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.instances[i.ID] = &i
}

// InstanceIDs gives the course instances in order.
func (a *FakeAPlus) InstanceIDs() []int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.instances))
}

// Imports gives all imports, oldest first.
func (a *FakeAPlus) Imports() []Import {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.imports)
}

// Mails gives the mails, oldest first.
func (a *FakeAPlus) Mails() []Mail {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.mails)
}

// Problems gives what A+ had to refuse, in words, oldest first.
func (a *FakeAPlus) Problems() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.problems)
}

// Token makes a token with which A+ calls the service at an address, with the
// permissions for a course instance. As A+'s own it never expires.
func (a *FakeAPlus) Token(address string, instance int64, permissions ...int) (string, error) {
	list := make([]grant, 0, len(permissions))
	for _, number := range permissions {
		list = append(list, onInstance(number, instance))
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("make a token for %q: %w", address, err)
	}
	audience := "unknown"
	if s, known := a.serviceAt(u); known {
		audience = s.uid
	}
	return a.Self.sign(claims{Issuer: a.Self.UID, Subject: a.Self.UID, Audience: audience, Permissions: list})
}

// UserToken makes the token that a teacher's browser gets for a service: it may
// read and write a course instance for an hour.
func (a *FakeAPlus) UserToken(username, service string, instance int64) (string, error) {
	return a.Self.sign(claims{
		Issuer: a.Self.UID, Subject: "user:" + username, Audience: service,
		Expires:     jwt.NewNumericDate(time.Now().Add(time.Hour)),
		Permissions: []grant{onInstance(Read, instance), onInstance(Write, instance)},
	})
}

// ServeHTTP answers A+'s API.
func (a *FakeAPlus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.Intercept != nil && a.Intercept(w, r) {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v2/get-token/", a.getToken)
	mux.HandleFunc("POST /api/v2/courses/{id}/notify_update/", a.onInstance(a.notifyUpdate))
	mux.HandleFunc("POST /api/v2/courses/{id}/send_mail/", a.onInstance(a.sendMail))
	mux.HandleFunc("GET /{$}", a.page)
	mux.HandleFunc("POST /instances/{id}/import", a.importNow)
	mux.ServeHTTP(w, r)
}

// refuse answers with an error and remembers it.
func (a *FakeAPlus) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	a.problem(r.Method + " " + r.URL.Path + ": " + why)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	writeJSON(w, map[string]string{"detail": why})
}

func (a *FakeAPlus) problem(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problems = append(a.problems, text)
}

// getToken signs a token for a request to another service.
func (a *FakeAPlus) getToken(w http.ResponseWriter, r *http.Request) {
	c, err := verify(r, a.Self.UID, a.keyOf)
	if err != nil {
		a.refuse(w, r, http.StatusUnauthorized, err.Error())
		return
	}
	granted := []grant{}
	for _, g := range c.Permissions {
		id, ok := g.instance()
		if !ok {
			a.refuse(w, r, http.StatusUnauthorized, fmt.Sprintf("permissions of type %q are not for services", g.kind))
			return
		}
		if _, exists := a.instance(id); !exists {
			continue // as A+: the token simply lacks it
		}
		if err := a.owns(c.Subject, id); err != nil {
			a.refuse(w, r, http.StatusUnauthorized, err.Error())
			return
		}
		granted = append(granted, onInstance(g.number, id))
	}
	audience := c.TargetUID
	if u, err := url.Parse(c.TargetURL); audience == "" && err == nil {
		s, _ := a.serviceAt(u)
		audience = s.uid
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if audience == "" {
		a.problem("get-token: no service is known at " + c.TargetURL)
		w.WriteHeader(http.StatusBadRequest)
		writeJSON(w, "No service is known at "+c.TargetURL)
		return
	}
	token, err := a.Self.sign(claims{
		Issuer: a.Self.UID, Subject: c.Issuer, Audience: audience,
		Expires: jwt.NewNumericDate(time.Now().Add(tokenLife)), Permissions: granted,
	})
	if err != nil {
		a.refuse(w, r, http.StatusInternalServerError, err.Error())
		return
	}
	writeJSON(w, token)
}

// onInstance checks what all calls about a course instance have in common: a
// form and a token of the service that owns the instance, with write permission.
func (a *FakeAPlus) onInstance(next func(http.ResponseWriter, *http.Request, Instance)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := verify(r, a.Self.UID, a.keyOf)
		if err != nil {
			a.refuse(w, r, http.StatusUnauthorized, err.Error())
			return
		}
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		i, exists := a.instance(id)
		if err != nil || !exists {
			a.refuse(w, r, http.StatusNotFound, "there is no such course instance")
			return
		}
		if err := a.owns(c.Subject, id); err != nil {
			a.refuse(w, r, http.StatusForbidden, err.Error())
			return
		}
		if !allows(c.Permissions, Write, id) {
			a.refuse(w, r, http.StatusForbidden, "the token does not permit to write the course instance")
			return
		}
		if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
			a.refuse(w, r, http.StatusUnsupportedMediaType, "the body is no form")
			return
		}
		next(w, r, i)
	}
}

// notifyUpdate imports the course before it answers.
func (a *FakeAPlus) notifyUpdate(w http.ResponseWriter, r *http.Request, i Instance) {
	value := r.PostForm.Get("email_on_error")
	if value != "True" && value != "False" {
		a.refuse(w, r, http.StatusBadRequest, fmt.Sprintf("email_on_error is %q, not True or False", value))
		return
	}
	// As A+, which does not notice that the caller has gone.
	result := a.Import(context.WithoutCancel(r.Context()), i.ID)
	success := result.Success
	if len(result.Errors) > 0 {
		// As A+: any value asks for the mail, and whether that went out is told
		// in place of whether the import did.
		success = a.mail(Mail{Instance: i.ID, Recipients: i.Recipients, Subject: "Course import", Message: fmt.Sprint(result.Errors)})
	}
	w.Header().Set("Content-Type", "application/vnd.aplus+json; version=2.0")
	writeJSON(w, map[string]any{"errors": append([]string{}, result.Errors...), "success": success})
}

func (a *FakeAPlus) sendMail(w http.ResponseWriter, r *http.Request, i Instance) {
	if !r.PostForm.Has("subject") || !r.PostForm.Has("message") {
		a.refuse(w, r, http.StatusBadRequest, "a mail needs subject and message")
		return
	}
	if !a.mail(Mail{i.ID, i.Recipients, r.PostForm.Get("subject"), r.PostForm.Get("message")}) {
		w.Header().Set("Content-Type", "application/vnd.aplus+json; version=2.0")
		writeJSON(w, "No recipients")
	}
}

func (a *FakeAPlus) mail(m Mail) (sent bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(m.Recipients) > 0 {
		a.mails = append(a.mails, m)
	}
	return len(m.Recipients) > 0
}

func (a *FakeAPlus) instance(id int64) (Instance, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := a.instances[id]; i != nil {
		return *i, true
	}
	return Instance{}, false
}

// owns says whether a service may act for a course instance: the instance's
// configuration has to be at that service.
func (a *FakeAPlus) owns(uid string, id int64) error {
	i, _ := a.instance(id)
	u, err := url.Parse(i.ConfigureURL)
	if err != nil {
		return errors.New("the course instance's configure_url is no address")
	}
	if s, known := a.serviceAt(u); !known || s.uid != uid {
		return fmt.Errorf("the configuration of course instance %d is not at the service %q", id, uid)
	}
	return nil
}

// keyOf finds the key of an issuer, nil when there is none.
func (a *FakeAPlus) keyOf(issuer string) *rsa.PublicKey {
	if issuer == a.Self.UID {
		return &a.Self.Key.PublicKey
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.services {
		if s.uid == issuer {
			return s.key
		}
	}
	return nil
}

// serviceAt finds the service at an address.
func (a *FakeAPlus) serviceAt(u *url.URL) (service, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.services {
		if s.serves(u) {
			return s, true
		}
	}
	return service{}, false
}

// writeJSON writes a value that always is JSON; a caller that has gone misses
// nothing.
func writeJSON(w io.Writer, value any) {
	data, err := json.Marshal(value)
	if err == nil {
		_, _ = w.Write(data)
	}
}
