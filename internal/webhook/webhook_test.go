package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/webhook"
)

const (
	secret   = "s3cret-for-tests"
	pushMain = `{"ref":"refs/heads/main"}`
	formMain = `payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D`
	jsonSum  = "53f38638f546d84685d90c6346e1635d67758e1f05f4ab1ddf79bf32b99ed21b"
	formSum  = "3deb182841a3c42e0bf00b0127ab6a63c529c22dac396ae62431a11c462eff03"
	formType = "application/x-www-form-urlencoded"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header http.Header
		want   webhook.Service
		ok     bool
	}{
		{"none", header("Content-Type", "application/json"), "", false},
		{"github", header("X-GitHub-Event", "push"), webhook.GitHub, true},
		{"gitlab", header("X-Gitlab-Event", "Push Hook"), webhook.GitLab, true},
		{"gitea poses as github", header("X-GitHub-Event", "push", "X-Gogs-Event", "push", "X-Gitea-Event", "push"), webhook.Gitea, true},
		{"forgejo", header("X-GitHub-Event", "push", "X-Forgejo-Event", "push"), webhook.Gitea, true},
		{"gogs", header("X-Gogs-Event", "push"), webhook.Gitea, true},
		{"bitbucket", header("X-Event-Key", "repo:push"), webhook.Bitbucket, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := webhook.Detect(tt.header)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Detect = %q, %v; want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	const hello = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	tests := []struct {
		name    string
		service webhook.Service
		header  http.Header
		body    string
		secret  string
		refusal string // empty: accepted
	}{
		{"github, GitHub's own example", webhook.GitHub, header("X-Hub-Signature-256", "sha256="+hello), "Hello, World!", "It's a Secret to Everybody", ""},
		{"github json", webhook.GitHub, header("X-Hub-Signature-256", "sha256="+jsonSum), pushMain, secret, ""},
		{"github form signs the raw body", webhook.GitHub, header("X-Hub-Signature-256", "sha256="+formSum, "Content-Type", formType), formMain, secret, ""},
		{"github form with the digest of the payload", webhook.GitHub, header("X-Hub-Signature-256", "sha256="+jsonSum, "Content-Type", formType), formMain, secret, "Signatures didn't match"},
		{"github missing", webhook.GitHub, header("X-Hub-Signature", "sha1=abc"), pushMain, secret, "No X-Hub-Signature-256 header"},
		{"github without prefix", webhook.GitHub, header("X-Hub-Signature-256", jsonSum), pushMain, secret, "Signatures didn't match"},
		{"github not hex", webhook.GitHub, header("X-Hub-Signature-256", "sha256=zz"), pushMain, secret, "Signatures didn't match"},
		{"github other secret", webhook.GitHub, header("X-Hub-Signature-256", "sha256="+jsonSum), pushMain, "other", "Signatures didn't match"},
		{"github empty secret", webhook.GitHub, header("X-Hub-Signature-256", "sha256="+jsonSum), pushMain, "", "The course has no webhook secret; make a new one on the course page"},
		{"gitlab", webhook.GitLab, header("X-Gitlab-Token", secret), pushMain, secret, ""},
		{"gitlab missing", webhook.GitLab, header(), pushMain, secret, "No X-Gitlab-Token header"},
		{"gitlab wrong", webhook.GitLab, header("X-Gitlab-Token", secret+"x"), pushMain, secret, "Secrets didn't match"},
		{"gitlab empty secret and token", webhook.GitLab, header("X-Gitlab-Token", ""), pushMain, "", "The course has no webhook secret; make a new one on the course page"},
		{"gitea json", webhook.Gitea, header("X-Gitea-Signature", jsonSum), pushMain, secret, ""},
		{"gitea form signs the payload", webhook.Gitea, header("X-Gitea-Signature", jsonSum, "Content-Type", formType+"; charset=utf-8"), formMain, secret, ""},
		{"gitea form with the digest of the body", webhook.Gitea, header("X-Gitea-Signature", formSum, "Content-Type", formType), formMain, secret, "Signatures didn't match"},
		{"forgejo", webhook.Gitea, header("X-Forgejo-Signature", jsonSum), pushMain, secret, ""},
		{"gogs", webhook.Gitea, header("X-Gogs-Signature", jsonSum), pushMain, secret, ""},
		{"gitea with GitHub's header only", webhook.Gitea, header("X-Hub-Signature-256", "sha256="+jsonSum), pushMain, secret, ""},
		{"gitea without secret", webhook.Gitea, header("X-Gitea-Signature", ""), pushMain, secret, "No X-Gitea-Signature header"},
		{"bitbucket", webhook.Bitbucket, header("X-Hub-Signature", "sha256="+jsonSum), pushMain, secret, ""},
		{"bitbucket sha1", webhook.Bitbucket, header("X-Hub-Signature", "sha1="+jsonSum), pushMain, secret, "Signatures didn't match"},
		{"bitbucket missing", webhook.Bitbucket, header(), pushMain, secret, "No X-Hub-Signature header"},
		{"no such service", webhook.Service("x"), header(), pushMain, secret, "Unknown git service"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := webhook.Verify(tt.service, webhook.Delivery{Header: tt.header, Body: []byte(tt.body)}, tt.secret)
			if tt.refusal == "" {
				if err != nil {
					t.Fatalf("Verify = %v, want acceptance", err)
				}
				return
			}
			if err == nil || err.Error() != tt.refusal {
				t.Fatalf("Verify = %v, want %q", err, tt.refusal)
			}
			if !errors.Is(err, course.ErrDenied) {
				t.Errorf("kind of %v is not ErrDenied", err)
			}
		})
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	const zeros = `"after":"0000000000000000000000000000000000000000"`
	gh, gl := header("X-GitHub-Event", "push"), header("X-Gitlab-Event", "Push Hook")
	cloud, dc := header("X-Event-Key", "repo:push"), header("X-Event-Key", "repo:refs_changed")
	tests := []struct {
		name   string
		header http.Header
		body   string
		branch string
		why    string // empty: a build
	}{
		{"github", gh, pushMain, "main", ""},
		{"branch with slash", gh, `{"ref":"refs/heads/feature/a"}`, "feature/a", ""},
		{"last part alone does not count", gh, `{"ref":"refs/heads/feature/main"}`, "main", "Ignored. The push is to refs/heads/feature/main, the course builds refs/heads/main."},
		{"tag of the same name", gh, `{"ref":"refs/tags/main"}`, "main", "Ignored. The push is to refs/tags/main, the course builds refs/heads/main."},
		{"deleted", gh, `{"ref":"refs/heads/main","deleted":true}`, "main", "Ignored. The push deletes refs/heads/main."},
		{"null ref", gh, `{"ref":null}`, "main", "Ignored. The push names no branch, the course builds refs/heads/main."},
		{"list ref", gh, `{"ref":["refs/heads/main"]}`, "main", "Ignored. The push names no branch, the course builds refs/heads/main."},
		{"ping", header("X-GitHub-Event", "ping"), `{"zen":"x"}`, "main", "Ignored. The event is ping, only pushes start a build."},
		{"create", header("X-GitHub-Event", "create"), `{"ref":"main","ref_type":"branch"}`, "main", "Ignored. The event is create, only pushes start a build."},
		{"odd event name", header("X-GitHub-Event", "a\"\tb"), `{}`, "main", `Ignored. The event is a\"\tb, only pushes start a build.`},
		{"no body", gh, ``, "main", ""},
		{"no JSON", gh, `hello`, "main", ""},
		{"empty object", gh, ` {} `, "main", ""},
		{"form", header("X-GitHub-Event", "push", "Content-Type", formType), formMain, "main", ""},
		{"form, other branch", header("X-GitHub-Event", "push", "Content-Type", formType), formMain, "dev", "Ignored. The push is to refs/heads/main, the course builds refs/heads/dev."},
		{"gitlab", gl, `{"object_kind":"push","ref":"refs/heads/main","after":"a1"}`, "main", ""},
		{"gitlab deleted", gl, `{"ref":"refs/heads/main",` + zeros + `}`, "main", "Ignored. The push deletes refs/heads/main."},
		{"gitlab tag", header("X-Gitlab-Event", "Tag Push Hook"), `{"ref":"refs/tags/main"}`, "main", "Ignored. The event is Tag Push Hook, only pushes start a build."},
		{"gitlab merge request", header("X-Gitlab-Event", "Merge Request Hook"), `{"object_kind":"merge_request"}`, "main", "Ignored. The event is Merge Request Hook, only pushes start a build."},
		{"gitlab system push", header("X-Gitlab-Event", "System Hook"), `{"object_kind":"push","ref":"refs/heads/main"}`, "main", ""},
		{"gitlab system other", header("X-Gitlab-Event", "System Hook"), `{"object_kind":"tag_push","ref":"refs/heads/main"}`, "main", "Ignored. The event is System Hook, only pushes start a build."},
		{"gitea", header("X-Gitea-Event", "push"), pushMain, "main", ""},
		{"cloud, second change", cloud, `{"push":{"changes":[{"new":{"type":"branch","name":"dev"}},{"new":{"type":"branch","name":"main"}}]}}`, "main", ""},
		{"cloud tag", cloud, `{"push":{"changes":[{"new":{"type":"tag","name":"main"}}]}}`, "main", "Ignored. The push is to refs/tags/main, the course builds refs/heads/main."},
		{"cloud deleted", cloud, `{"push":{"changes":[{"new":null,"old":{"type":"branch","name":"main"}}]}}`, "main", "Ignored. The push deletes refs/heads/main."},
		{"cloud nothing", cloud, `{"push":{"changes":[{}]}}`, "main", "Ignored. The push names no branch, the course builds refs/heads/main."},
		{"cloud wrong types", cloud, `{"push":[]}`, "main", "Ignored. The push names no branch, the course builds refs/heads/main."},
		{"data center", dc, `{"changes":[{"ref":{"id":"refs/heads/main","type":"BRANCH"},"type":"UPDATE"}]}`, "main", ""},
		{"data center deleted", dc, `{"changes":[{"ref":{"id":"refs/heads/main"},"type":"DELETE"}]}`, "main", "Ignored. The push deletes refs/heads/main."},
		{"data center wrong types", dc, `{"changes":"x"}`, "main", "Ignored. The push names no branch, the course builds refs/heads/main."},
		{"data center test", header("X-Event-Key", "diagnostics:ping"), `{"test":true}`, "main", "Ignored. The event is diagnostics:ping, only pushes start a build."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, ok := webhook.Detect(tt.header)
			if !ok {
				t.Fatal("no service detected")
			}
			e := webhook.ParseEvent(s, webhook.Delivery{Header: tt.header, Body: []byte(tt.body)})
			build, why := e.Decide(tt.branch)
			if build != (tt.why == "") {
				t.Errorf("build = %v", build)
			}
			if diff := cmp.Diff(tt.why, why); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDelivery(f *testing.F) {
	for _, body := range []string{pushMain, formMain, `{"push":{"changes":[{"new":null}]}}`, `{"changes":[{}]}`, `{"ref":1}`, "\x00", `payload=%zz`} {
		for _, event := range []string{"X-GitHub-Event", "X-Gitlab-Event", "X-Gitea-Event", "X-Event-Key"} {
			f.Add(event, "push", body, true)
			f.Add(event, "repo:push", body, false)
		}
	}
	f.Fuzz(func(t *testing.T, name, event, body string, form bool) {
		h := header(name, event)
		if form {
			h.Set("Content-Type", formType)
		}
		s, ok := webhook.Detect(h)
		if !ok {
			return
		}
		d := webhook.Delivery{Header: h, Body: []byte(body)}
		if webhook.Verify(s, d, secret) == nil {
			t.Fatal("a delivery without signature was believed")
		}
		if s == webhook.GitHub {
			h.Set("X-Hub-Signature-256", "sha256="+sign(body))
			if err := webhook.Verify(s, d, secret); err != nil {
				t.Fatalf("a signed delivery was refused: %v", err)
			}
		}
		build, why := webhook.ParseEvent(s, d).Decide("main")
		if build != (why == "") {
			t.Fatalf("build %v with the reason %q", build, why)
		}
		if strings.ContainsAny(why, "\r\n\x00") {
			t.Fatalf("the reason %q has control characters", why)
		}
		if !utf8.ValidString(why) {
			t.Fatalf("the reason %q is not text", why)
		}
	})
}

// FuzzSignature believes a delivery exactly when its header has the digest of
// its own body, or the secret, for every service.
func FuzzSignature(f *testing.F) {
	digest := sign(pushMain)
	for _, value := range []string{digest, "sha256=" + digest, "sha256=" + strings.ToUpper(digest), digest[:63], digest + "00", "", "sha256=", secret, secret + "\x00", " " + secret} {
		f.Add(value, pushMain)
		f.Add(value, pushMain+" ")
	}
	f.Fuzz(func(t *testing.T, value, body string) {
		digest := sign(body)
		for service, by := range map[webhook.Service]struct {
			header string
			holds  bool
		}{
			webhook.GitHub:    {"X-Hub-Signature-256", strings.HasPrefix(value, "sha256=") && strings.EqualFold(value, "sha256="+digest)},
			webhook.Bitbucket: {"X-Hub-Signature", strings.HasPrefix(value, "sha256=") && strings.EqualFold(value, "sha256="+digest)},
			webhook.Gitea:     {"X-Gitea-Signature", strings.EqualFold(value, digest)},
			webhook.GitLab:    {"X-Gitlab-Token", value == secret},
		} {
			d := webhook.Delivery{Header: header(by.header, value), Body: []byte(body)}
			err := webhook.Verify(service, d, secret)
			if (err == nil) != by.holds {
				t.Errorf("%s: %q for %q: %v", service, value, body, err)
			}
			if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), digest)) {
				t.Errorf("%s: the refusal %q helps to forge", service, err)
			}
			if webhook.Verify(service, d, "") == nil {
				t.Errorf("%s: believed without a secret", service)
			}
		}
	})
}
