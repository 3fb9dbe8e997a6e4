package main

import (
	"errors"
	"net/http"

	"coursewright/api"
	"coursewright/internal/aplusauth"
	"coursewright/internal/settings"
)

// newTokens makes the service of A+'s tokens that the settings describe.
func newTokens(a settings.Auth) (*aplusauth.Service, error) {
	return aplusauth.New(aplusauth.Config{
		UID:                    a.UID,
		PrivateKey:             a.PrivateKey.Reveal(),
		PublicKey:              a.PublicKey,
		RemoteAuthenticatorUID: a.RemoteAuthenticatorUID,
		RemoteAuthenticatorURL: a.RemoteAuthenticatorURL,
		RemoteAuthenticatorKey: a.RemoteAuthenticatorKey,
		UIDToKey:               a.UIDToKey,
		TrustedUIDs:            a.TrustedUIDs,
		TrustingRemotes:        a.TrustingRemotes,
		DefaultAudUID:          a.DefaultAudUID,
		DisableLoginChecks:     a.DisableLoginChecks,
		DisableJWTSigning:      a.DisableJWTSigning,
	})
}

// authorizer tells the API who sent a request, by A+'s tokens.
type authorizer struct {
	tokens *aplusauth.Service
}

// Caller implements api.Authorizer.
func (a authorizer) Caller(r *http.Request) (api.Caller, error) {
	id, err := a.tokens.Verify(r)
	var refused *aplusauth.TokenError
	if errors.As(err, &refused) {
		return api.Caller{}, &api.AuthError{Text: refused.Text, Cookie: refused.FromCookie, Account: refused.Account}
	}
	if err != nil {
		return api.Caller{}, err
	}
	name := id.Subject
	if id.Open && name == "" {
		name = "anybody"
	}
	return api.Caller{ID: name, Issuer: id.Issuer, Open: id.Open, Grants: grants{id}}, nil
}

// grants are the rights that a token gives.
type grants struct {
	identity aplusauth.Identity
}

// May implements api.Grants.
func (g grants) May(a api.Access, remoteID *int64, byDefault bool) bool {
	switch a {
	case api.Read:
		return g.identity.May(aplusauth.Read, remoteID, byDefault)
	case api.Write:
		return g.identity.May(aplusauth.Write, remoteID, byDefault)
	}
	return false
}
