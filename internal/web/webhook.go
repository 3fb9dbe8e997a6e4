package web

import (
	"net/http"
	"strings"
)

type webhookPage struct {
	coursePage

	Hook           string // address that the git host calls
	SSHKey         string
	SSH            bool // the origin is reached by ssh, so that the key is needed
	Private        bool // the origin's address carries credentials
	OldSecretValid bool // a secret before the present one still is
	Host           string
	Hosts          []gitHost
}

// gitHost says how a kind of git host is told to call the service. Its texts are
// keys of the catalogue.
type gitHost struct {
	ID, Name string
	Keys     string // where its page of deploy keys is
	Steps    []string
}

// gitHosts are the kinds of git hosts whose hooks the service understands.
func gitHosts() []gitHost {
	return []gitHost{
		{"github", "GitHub", key("Settings → Deploy keys → Add deploy key"), []string{
			key("Open the repository on GitHub: Settings → Webhooks → Add webhook."),
			key("Payload URL: the webhook address. Content type: application/json. Secret: the secret."),
			key("Which events: just the push event. Keep Active ticked and press Add webhook."),
			key("GitHub sends a ping at once: it appears below as a delivery."),
		}},
		{"gitlab", "GitLab", key("Settings → Repository → Deploy keys"), []string{
			key("Open the project on GitLab: Settings → Webhooks → Add new webhook."),
			key("URL: the webhook address. Secret token: the secret."),
			key("Trigger: push events, of the course's branch only if you like. Press Add webhook."),
			key("Press Test → Push events: it appears below as a delivery."),
		}},
		{"gitea", "Gitea, Forgejo", key("Settings → Deploy keys → Add deploy key"), []string{
			key("Open the repository: Settings → Webhooks → Add webhook → Gitea or Forgejo."),
			key("Target URL: the webhook address. Method: POST. Content type: application/json. Secret: the secret."),
			key("Trigger on: push events. Press Add webhook."),
			key("Open the webhook again and press Test delivery: it appears below."),
		}},
		{"bitbucket", "Bitbucket", key("Repository settings → Access keys → Add key"), []string{
			key("Open the repository on Bitbucket: Repository settings → Webhooks → Add webhook."),
			key("URL: the webhook address. Secret: the secret. Status: active."),
			key("Triggers: repository push. Press Save."),
			key("Push something, or resend a request of View requests: it appears below as a delivery."),
		}},
	}
}

// hostOf guesses the kind of git host from an origin.
func hostOf(origin string) string {
	for _, id := range []string{"github", "gitlab", "gitea", "forgejo", "codeberg", "bitbucket"} {
		if strings.Contains(strings.ToLower(origin), id) {
			if id == "forgejo" || id == "codeberg" {
				return "gitea"
			}
			return id
		}
	}
	return "github"
}

// webhook shows how the git host is connected: the deploy key, the webhook and
// what it has delivered.
func (s *site) webhook(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, true)
	if err != nil {
		return err
	}
	seen, err := s.stateOf(r.Context(), c)
	if err != nil {
		return err
	}
	base := s.BaseURL(r)
	page := webhookPage{
		coursePage: coursePage{Title: s.printer(r).T("Webhook of %s", c.Key), Tab: "webhook", Course: c, Base: base, Write: true, Seen: seen},
		Hook:       base + "/gitmanager/" + c.Key + "/hook", SSHKey: s.SSHKey, SSH: c.OverSSH(), Private: c.ShownOrigin() != c.GitOrigin,
		OldSecretValid: len(c.Secrets(s.Now())) > 1, Host: hostOf(c.GitOrigin), Hosts: gitHosts(),
	}
	page.Notices = notices(s.printer(r), r.URL.Query().Get("done"), page.OldSecretValid)
	if err := s.addDeliveries(r, &page.coursePage); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "webhook.html", page)
}
