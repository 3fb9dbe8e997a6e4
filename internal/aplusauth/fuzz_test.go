package aplusauth_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/aplusauth"
)

// FuzzVerify knows that nobody can make a token: what is accepted says what one
// of the seeds says.
func FuzzVerify(f *testing.F) {
	var in incoming
	readVectors(f, "incoming-tokens.json", &in)
	s := in.service(f)
	open := newService(f, aplusauth.Config{UID: "gitmanager", DisableLoginChecks: true, DisableJWTSigning: true})
	var genuine []aplusauth.Identity
	for _, v := range in.Vectors {
		f.Add(v.Token)
		if id, err := s.Verify(bearer(v.Token)); err == nil && !id.Anonymous() {
			genuine = append(genuine, id)
		}
	}
	for _, part := range []string{`null`, `{}`, `{"iss":"aplus"}`, `{"alg":"none"}`, `[`, `{"permissions":[[]]}`} {
		f.Add(encode(part) + "." + encode(part) + "." + encode(part))
	}
	f.Fuzz(func(t *testing.T, token string) {
		id, err := s.Verify(bearer(token))
		var refused *aplusauth.TokenError
		switch {
		case errors.As(err, &refused):
			if refused.Text == "" || refused.Status() != http.StatusUnauthorized || !id.Anonymous() {
				t.Errorf("refused with %+v, identity %+v", refused, id)
			}
		case err != nil:
			t.Errorf("an error that is no refusal: %v", err)
		case !id.Anonymous() && !slices.ContainsFunc(genuine, func(g aplusauth.Identity) bool { return cmp.Equal(g, id) }):
			t.Errorf("forged: %+v", id)
		case id.Anonymous() && id.May(aplusauth.Read, nil, true):
			t.Errorf("an anonymous sender may read: %+v", id)
		}
		if _, err := open.Verify(bearer(token)); err != nil {
			t.Errorf("refused without checks: %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s := clockService(b)
	r := bearer(sign(b, aplusKey(), valid(nil)))
	for b.Loop() {
		if _, err := s.Verify(r); err != nil {
			b.Fatal(err)
		}
	}
}
