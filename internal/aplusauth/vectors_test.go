package aplusauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/aplusauth"
)

// incoming are the tokens that a service may be shown, and the answers.
type incoming struct {
	Settings struct {
		UID       string            `json:"UID"`
		PublicKey string            `json:"PUBLIC_KEY"`
		AplusUID  string            `json:"REMOTE_AUTHENTICATOR_UID"`
		AplusKey  string            `json:"REMOTE_AUTHENTICATOR_KEY"`
		AplusURL  string            `json:"REMOTE_AUTHENTICATOR_URL"`
		UIDToKey  map[string]string `json:"UID_TO_KEY"`
		Trusted   []string          `json:"TRUSTED_UIDS"`
	} `json:"settings"`
	Courses []struct {
		Key      string `json:"key"`
		RemoteID *int64 `json:"remote_id"`
	} `json:"courses"`
	Vectors []incomingVector `json:"vectors"`
}

type incomingVector struct {
	Name      string         `json:"name"`
	Token     string         `json:"token"`
	Payload   map[string]any `json:"payload"`
	Reference struct {
		Authentication string `json:"authentication"`
		PostLogin      struct {
			Status int    `json:"status"`
			Body   string `json:"body"`
		} `json:"post_login"`
		Requests map[string]any `json:"requests"`
	} `json:"reference_result"`
	Required string `json:"required_of_new_implementation"`
}

// refusal is the text that must refuse the token, empty if it is accepted or
// as good as none.
func (v incomingVector) refusal(t *testing.T) string {
	t.Helper()
	switch v.Required {
	case "as the reference":
		if v.Reference.Authentication == "rejected" {
			return v.Reference.PostLogin.Body
		}
		return ""
	case "reject: 401", "reject: 401 Invalid token":
		return "Invalid token"
	}
	t.Fatalf("unknown requirement %q", v.Required)
	return ""
}

func (in incoming) service(tb testing.TB) *aplusauth.Service {
	tb.Helper()
	keys := map[string]string{}
	for uid, file := range in.Settings.UIDToKey {
		keys[uid] = readVector(tb, file)
	}
	return newService(tb, aplusauth.Config{
		UID:                    in.Settings.UID,
		PublicKey:              readVector(tb, in.Settings.PublicKey),
		DisableJWTSigning:      true, // the private halves are not kept
		RemoteAuthenticatorUID: in.Settings.AplusUID,
		RemoteAuthenticatorURL: in.Settings.AplusURL,
		RemoteAuthenticatorKey: readVector(tb, in.Settings.AplusKey),
		UIDToKey:               keys,
		TrustedUIDs:            in.Settings.Trusted,
	})
}

func TestVectorsOfIncomingTokens(t *testing.T) {
	t.Parallel()
	var in incoming
	readVectors(t, "incoming-tokens.json", &in)
	if len(in.Vectors) != 51 {
		t.Fatalf("%d vectors, want 51", len(in.Vectors))
	}
	s := in.service(t)
	for _, v := range in.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			id, err := s.Verify(bearer(v.Token))
			checkVerdict(t, err, v.refusal(t), false)
			if err == nil {
				checkIdentity(t, id, v)
				checkAccess(t, in, id, v)
			}
			if v.Token == "" || v.Name == "trailing-space" {
				return // no cookie can hold it
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(&http.Cookie{Name: aplusauth.CookieName, Value: v.Token})
			byCookie, err := s.Verify(r)
			checkVerdict(t, err, v.refusal(t), true)
			if diff := cmp.Diff(id, byCookie); diff != "" {
				t.Errorf("identity by header (-) and by cookie (+):\n%s", diff)
			}
		})
	}
}

func checkVerdict(t *testing.T, err error, refusal string, fromCookie bool) {
	t.Helper()
	if refusal == "" {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	var refused *aplusauth.TokenError
	if !errors.As(err, &refused) {
		t.Fatalf("error %v, want the refusal %q", err, refusal)
	}
	if refused.Status() != http.StatusUnauthorized || refused.Text != refusal || refused.FromCookie != fromCookie {
		t.Errorf("refused with %d %+v, want 401 %q, from cookie: %t", refused.Status(), refused, refusal, fromCookie)
	}
}

func checkIdentity(t *testing.T, id aplusauth.Identity, v incomingVector) {
	t.Helper()
	anonymous := v.Reference.Authentication == "anonymous"
	if id.Anonymous() != anonymous {
		t.Fatalf("anonymous: %t, want %t", id.Anonymous(), anonymous)
	}
	if !anonymous && (id.Subject != v.Payload["sub"] || id.Issuer != v.Payload["iss"]) {
		t.Errorf("subject %q, issuer %q, want those of %v", id.Subject, id.Issuer, v.Payload)
	}
}

// checkAccess compares what the identity may do with what came of the
// reference's eight requests.
func checkAccess(t *testing.T, in incoming, id aplusauth.Identity, v incomingVector) {
	t.Helper()
	remote := map[string]*int64{}
	for _, c := range in.Courses {
		remote[c.Key] = c.RemoteID
	}
	got := map[string]any{}
	status := func(may bool, anonymous float64) any {
		switch {
		case id.Anonymous():
			return anonymous
		case may:
			return 200.0
		}
		return 403.0
	}
	for _, key := range []string{"c5", "c6", "noid"} {
		got["GET /api/gitmanager/"+key+"/"] = apiAnswer(id, remote[key])
	}
	for _, key := range []string{"c5", "noid"} {
		got["GET /gitmanager/"+key+"/updates"] = status(id.May(aplusauth.Read, remote[key], true), 302)
		got["POST /gitmanager/"+key+"/hook"] = status(id.May(aplusauth.Write, remote[key], false), 400)
	}
	got["GET /gitmanager/c5/"] = status(id.May(aplusauth.Write, remote["c5"], true), 302)
	if diff := cmp.Diff(v.Reference.Requests, got); diff != "" {
		t.Errorf("answers of the vectors (-) and those that follow (+):\n%s", diff)
	}
}

func apiAnswer(id aplusauth.Identity, remoteID *int64) any {
	switch {
	case id.Anonymous():
		return 401.0
	case !id.May(aplusauth.Read, remoteID, false):
		return "denied"
	case id.May(aplusauth.Write, remoteID, false):
		return "granted, with webhook_secret"
	}
	return "granted, without webhook_secret"
}
