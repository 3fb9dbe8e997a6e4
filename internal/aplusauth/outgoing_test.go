package aplusauth_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"coursewright/internal/aplusauth"
	"coursewright/internal/course"
)

// outgoing are the tokens that services attach to their requests.
type outgoing struct {
	Vectors struct {
		ToAplus    exchange `json:"gitmanager_to_aplus"`
		ToGrader   exchange `json:"gitmanager_to_grader"`
		ToTrusting exchange `json:"gitmanager_to_trusting_grader"`
		FromAplus  exchange `json:"aplus_to_service"`
		Unsigned   struct {
			Authorization authorization `json:"authorization"`
		} `json:"unsigned"`
		Addresses struct {
			TrustingRemotes map[string]string `json:"TRUSTING_REMOTES"`
			Default         string            `json:"DEFAULT_AUD_UID"`
			Cases           []struct {
				URL            string  `json:"url"`
				UID            string  `json:"uid"`
				WithoutDefault *string `json:"uid_without_default"`
			} `json:"cases"`
		} `json:"url_to_uid"`
	} `json:"vectors"`
}

type exchange struct {
	Requests []struct {
		Method        string        `json:"method"`
		URL           string        `json:"url"`
		Authorization authorization `json:"authorization"`
	} `json:"requests"`
	Answer struct {
		Status int    `json:"status"`
		Type   string `json:"content_type"`
		Body   string `json:"body"`
	} `json:"get_token_response"`
}

type authorization struct {
	Token   string         `json:"token"`
	Header  map[string]any `json:"header"`
	Payload map[string]any `json:"payload"`
}

func readOutgoing(tb testing.TB) outgoing {
	tb.Helper()
	var out outgoing
	readVectors(tb, "outgoing-tokens.json", &out)
	return out
}

// decoded reads a request's token without verifying it.
func decoded(tb testing.TB, r *http.Request) authorization {
	tb.Helper()
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		tb.Fatalf("the request has no token")
	}
	payload := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(raw, payload)
	if err != nil {
		tb.Fatal(err)
	}
	return authorization{Header: token.Header, Payload: payload}
}

// recorder is a network that answers everything itself.
type recorder struct {
	answer   func(r *http.Request) *http.Response
	requests []*http.Request
}

func (c *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests = append(c.requests, r)
	if c.answer == nil {
		return response(http.StatusOK, ""), nil
	}
	return c.answer(r), nil
}

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// call sends a request by the service's transport, with the permissions of the
// vectors.
func call(tb testing.TB, s *aplusauth.Service, network http.RoundTripper, method, target string) error {
	tb.Helper()
	ctx := aplusauth.WithPermissions(tb.Context(), aplusauth.ForInstance(aplusauth.Write, 5))
	r, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return send(tb, s.Transport(network), r)
}

// send does a request for its effects.
func send(tb testing.TB, by http.RoundTripper, r *http.Request) error {
	tb.Helper()
	resp, err := by.RoundTrip(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func TestVectorsOfOutgoingTokens(t *testing.T) {
	t.Parallel()
	out := readOutgoing(t)
	aplus := "http://plus.test:8000/api/v2/get-token/"
	trusting := config(aplus)
	trusting.TrustingRemotes = map[string]string{"plus.test:8000": "aplus", "grader.test:8080": "grader"}
	unsigned := config(aplus)
	unsigned.DisableJWTSigning = true
	tests := []struct {
		name     string
		config   aplusauth.Config
		exchange exchange
	}{
		{"to A+", config(aplus), out.Vectors.ToAplus},
		{"to a grader", config(aplus), out.Vectors.ToGrader},
		{"to a grader that trusts us", trusting, out.Vectors.ToTrusting},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer := tt.exchange.Answer
			network := &recorder{answer: func(r *http.Request) *http.Response {
				if r.URL.String() == aplus {
					return response(answer.Status, answer.Body)
				}
				return response(http.StatusOK, "")
			}}
			last := tt.exchange.Requests[len(tt.exchange.Requests)-1]
			err := call(t, newService(t, tt.config), network, last.Method, last.URL)
			if err != nil {
				t.Fatal(err)
			}
			if len(network.requests) != len(tt.exchange.Requests) {
				t.Fatalf("%d requests, want %d", len(network.requests), len(tt.exchange.Requests))
			}
			for i, want := range tt.exchange.Requests {
				got := network.requests[i]
				if got.Method != want.Method || got.URL.String() != want.URL || got.Body != nil {
					t.Errorf("request %s %s with body %v, want %s %s without", got.Method, got.URL, got.Body, want.Method, want.URL)
				}
				a := decoded(t, got)
				if diff := cmp.Diff(authorization{Header: want.Authorization.Header, Payload: want.Authorization.Payload}, a); diff != "" {
					t.Errorf("token of request %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
	t.Run("unsigned", func(t *testing.T) {
		t.Parallel()
		network := &recorder{}
		err := call(t, newService(t, unsigned), network, http.MethodGet, "http://grader.test:8080/configure")
		if err != nil {
			t.Fatal(err)
		}
		want := out.Vectors.Unsigned.Authorization
		if diff := cmp.Diff(authorization{Header: want.Header, Payload: want.Payload}, decoded(t, network.requests[0])); diff != "" {
			t.Errorf("token (-want +got):\n%s", diff)
		}
		if raw := network.requests[0].Header.Get("Authorization"); !strings.HasSuffix(raw, ".") {
			t.Errorf("the token has a signature: %q", raw)
		}
	})
}

// The tokens that the reference made must hold, too.
func TestVectorsOfAplusRequests(t *testing.T) {
	t.Parallel()
	var in incoming
	readVectors(t, "incoming-tokens.json", &in)
	s := in.service(t)
	requests := readOutgoing(t).Vectors.FromAplus.Requests
	for i, refusal := range []string{"", "Invalid audience"} {
		id, err := s.Verify(bearer(requests[i].Authorization.Token))
		checkVerdict(t, err, refusal, false)
		five := int64(5)
		if may := id.May(aplusauth.Write, &five, false); may != (refusal == "") {
			t.Errorf("request %d may write: %t", i, may)
		}
	}
}

func TestVectorsOfAddresses(t *testing.T) {
	t.Parallel()
	v := readOutgoing(t).Vectors.Addresses
	for _, tt := range v.Cases {
		for _, fallback := range []string{v.Default, ""} {
			want := tt.UID
			if fallback == "" {
				want = ""
				if tt.WithoutDefault != nil {
					want = *tt.WithoutDefault
				}
			}
			if tt.URL == "http://a.test.evil/x" {
				want = fallback // unlike the reference: another host
			}
			checkAudience(t, v.TrustingRemotes, fallback, tt.URL, want)
		}
	}
}

func TestAddressesEndAtBorders(t *testing.T) {
	t.Parallel()
	remotes := map[string]string{"http://a.test": "one", "b.test/deep": "two", "c.test:80": "three", "[::1]:8080": "four"}
	for target, want := range map[string]string{
		"http://a.test":                  "one",
		"http://a.test:8080/":            "one",
		"http://a.test?x=/":              "one",
		"http://a.test-evil.example/":    "",
		"http://a.test@evil.example/":    "",
		"http://a.test:80@evil.example/": "",
		"http://evil.example/a.test/":    "",
		"https://b.test/deep":            "two",
		"https://b.test/deep/er":         "two",
		"https://b.test/deeper":          "",
		"https://b.test/":                "",
		"http://c.test:8080/":            "",
		"http://c.test:80/":              "three",
		"http://[::1]:8080/x":            "four",
		"http://[::1]/x":                 "",
	} {
		checkAudience(t, remotes, "", target, want)
	}
}

// checkAudience compares the aud of the token for an address; want is empty
// where A+ must be asked.
func checkAudience(t *testing.T, remotes map[string]string, fallback, target, want string) {
	t.Helper()
	c := config("http://plus.test:8000/api/v2/get-token/")
	c.TrustingRemotes, c.DefaultAudUID = remotes, fallback
	network := &recorder{answer: func(*http.Request) *http.Response { return response(http.StatusForbidden, "") }}
	err := call(t, newService(t, c), network, http.MethodGet, target)
	got := ""
	if !errors.Is(err, course.ErrDenied) {
		got, _ = decoded(t, network.requests[0]).Payload["aud"].(string)
	}
	if got != want {
		t.Errorf("audience of %s with default %q is %q, want %q", target, fallback, got, want)
	}
}

// A signing request says where the token is to be used, without what belongs
// to nobody else.
func TestSigningRequestShowsNoPassword(t *testing.T) {
	t.Parallel()
	network := &recorder{answer: func(*http.Request) *http.Response { return response(http.StatusForbidden, `{"detail": "no"}`) }}
	err := call(t, newService(t, config("http://plus.test/get-token/")), network, http.MethodGet, "http://me:secret@grader.test/x?y=1#z")
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the password: %v", err)
	}
	if got := decoded(t, network.requests[0]).Payload["turl"]; got != "http://grader.test/x?y=1" {
		t.Errorf("turl is %v", got)
	}
}

func TestPermissionsAsJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal([]aplusauth.Permission{aplusauth.ForInstance(aplusauth.Read, 5), {Type: "course", Access: aplusauth.Create}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `[["instance",1,{"id":5}],["course",4,{}]]`; string(text) != want {
		t.Errorf("permissions %s, want %s", text, want)
	}
	for _, bad := range []string{`[]`, `{}`, `null`, `["instance",1]`, `["instance",1,{},0]`, `["galaxy",1,{}]`, `["instance","1",{}]`, `["instance",null,{}]`, `["instance",true,{}]`, `["instance",1,null]`, `["instance",1,[]]`, `[1,1,{}]`} {
		var p aplusauth.Permission
		if err := json.Unmarshal([]byte(bad), &p); err == nil {
			t.Errorf("permission %s is accepted", bad)
		}
	}
}
