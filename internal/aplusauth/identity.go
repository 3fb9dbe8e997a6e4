package aplusauth

import "net/http"

// Identity is who sent a request. The zero value is an anonymous sender, who
// may do nothing.
type Identity struct {
	// Subject is the sender: the UID of a service, or user:NAME. Empty:
	// anonymous.
	Subject string
	// Issuer is the UID of the service that signed the token.
	Issuer string
	// Permissions are those of the token.
	Permissions []Permission
	// Master says that the service itself issued the token, without
	// permissions: it opens everything.
	Master bool
	// Open says that checks are off: everything is allowed to everybody.
	Open bool
}

// Anonymous says whether the sender showed no usable token. It says so of
// anonymous senders too while checks are off.
func (i Identity) Anonymous() bool { return i.Subject == "" }

// May says whether the sender has this access to the course with this id in A+.
// byDefault is the answer for a course without id, which is given to everybody
// but anonymous senders.
func (i Identity) May(a Access, remoteID *int64, byDefault bool) bool {
	switch {
	case i.Open:
		return true
	case i.Anonymous():
		return false
	case i.Master:
		return true
	case remoteID == nil:
		return byDefault
	}
	for _, p := range i.Permissions {
		if id, ok := p.instance(); ok && p.Access == a && id == *remoteID {
			return true
		}
	}
	return false
}

// TokenError is the refusal of a token. It holds no part of the token.
type TokenError struct {
	// Text is the body of the answer, which A+ shows to its users.
	Text string
	// FromCookie says that the token came from the cookie: what browsers send
	// by themselves, so that pages meant for everybody can pass over it.
	FromCookie bool
	// Account is the subject that the token claims, which nobody has verified;
	// it may be empty, and is cut when it is long.
	Account string
}

// Error gives the text.
func (e *TokenError) Error() string { return e.Text }

// Status is the HTTP status of the answer.
func (*TokenError) Status() int { return http.StatusUnauthorized }
