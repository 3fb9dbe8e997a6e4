package api

import (
	"context"
	"net/http"

	"coursewright/internal/course"
)

// Access is what a caller wants to do with a course.
type Access int

// The accesses, as A+ tells them apart. Write does not imply Read.
const (
	Read Access = iota + 1
	Write
)

// Grants are the rights of an identified caller.
type Grants interface {
	// May says whether the caller may access the course with this id in A+;
	// byDefault is the answer for a course that has none.
	May(a Access, remoteID *int64, byDefault bool) bool
}

// Caller is who sent a request. The zero value is an anonymous caller, who may
// do nothing.
type Caller struct {
	ID     string // name for the security log; empty: anonymous
	Issuer string // who vouches for the name; empty: unknown
	Open   bool   // no authentication is configured: everything is allowed
	Grants Grants // nil: none
}

func (c Caller) may(a Access, of course.Course, byDefault bool) bool {
	return c.Open || c.Grants != nil && c.Grants.May(a, of.RemoteID, byDefault)
}

func (c Caller) anonymous() bool { return !c.Open && c.ID == "" }

// identity is what is known about the sender of a request.
type identity struct {
	caller  Caller
	refusal *AuthError // why the credentials are bad, where that matters to some callers only
}

// exchange is what becomes known of a request while it is answered. The
// request's context carries it; one value, since each costs a copy of the
// request.
type exchange struct {
	identity identity
	trail    trail
}

type exchangeKey struct{}

// exchangeOf gives what is known of a request; of one that New's handler did not
// pass on, that nothing is.
func exchangeOf(r *http.Request) *exchange {
	if e, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return &exchange{}
}

func (e *exchange) in(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
}

// CallerOf gives the sender of a request that New's handler passes on, such as
// to the pages.
func CallerOf(r *http.Request) Caller { return exchangeOf(r).identity.caller }

// PageAccess says what the sender of a request to the pages may do with a
// course. One that A+ does not know is readable for everybody with a token, and
// changed by those only who may do everything.
func PageAccess(r *http.Request, write bool, of course.Course) bool {
	if write {
		return CallerOf(r).may(Write, of, false)
	}
	return CallerOf(r).may(Read, of, true)
}

// Authorizer tells who sent a request.
type Authorizer interface {
	// Caller identifies the sender. A request without credentials gives an
	// anonymous caller; bad credentials give an *AuthError.
	Caller(r *http.Request) (Caller, error)
}

// AuthError is the refusal of a request's credentials, answered with 401.
type AuthError struct {
	Text string
	// Cookie says that they came from the cookie, which browsers send
	// unasked: it is deleted, and addresses for everybody pass over it.
	Cookie bool
	// Account is whom the token claims to be of, which nobody has verified; it
	// may be empty.
	Account string
}

// Error gives the text, which is shown to the caller.
func (e *AuthError) Error() string { return e.Text }

// OpenAccess allows everything to everybody. It is for development, where the
// service listens on the loopback interface only.
type OpenAccess struct{}

// Caller never fails.
func (OpenAccess) Caller(*http.Request) (Caller, error) {
	return Caller{ID: "anybody", Open: true}, nil
}
