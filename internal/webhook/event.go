package webhook

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Ref is one branch or tag that a push has changed.
type Ref struct {
	Name    string // complete, such as refs/heads/main
	Deleted bool
}

// Event is what a delivery reports.
type Event struct {
	Name string // as the git host calls it
	Push bool   // something was pushed; other events never start a build
	Bare bool   // a push without readable payload, as scripts send it
	Refs []Ref
}

const branchPrefix = "refs/heads/"

// ParseEvent reads a delivery. It never fails: what cannot be read is an event
// without refs, or a bare push.
func ParseEvent(s Service, d Delivery) Event {
	e := Event{Name: EventName(s, d.Header)}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(d.payload(), &fields); err != nil {
		fields = nil
	}
	e.Push = isPush(s, e.Name, fields)
	if !e.Push {
		return e
	}
	switch {
	case len(fields) == 0:
		e.Bare = true
	case e.Name == "repo:push":
		e.Refs = cloudRefs(fields)
	case e.Name == "repo:refs_changed":
		e.Refs = dataCenterRefs(fields)
	default:
		e.Refs = pushedRef(fields)
	}
	return e
}

func isPush(s Service, name string, fields map[string]json.RawMessage) bool {
	switch s {
	case GitLab:
		return name == "Push Hook" || name == "System Hook" && text(fields["object_kind"]) == "push"
	case Bitbucket:
		return name == "repo:push" || name == "repo:refs_changed"
	case GitHub, Gitea:
		return name == "push"
	}
	return false
}

func pushedRef(fields map[string]json.RawMessage) []Ref {
	name := text(fields["ref"])
	if name == "" {
		return nil
	}
	after := text(fields["after"])
	zeros := after != "" && strings.Trim(after, "0") == ""
	return []Ref{{Name: name, Deleted: zeros || string(fields["deleted"]) == "true"}}
}

func cloudRefs(fields map[string]json.RawMessage) []Ref {
	type named struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}
	var push struct {
		Changes []struct {
			New *named `json:"new"`
			Old *named `json:"old"`
		} `json:"changes"`
	}
	if json.Unmarshal(fields["push"], &push) != nil {
		return nil
	}
	var out []Ref
	for _, c := range push.Changes {
		ref, deleted := c.New, false
		if ref == nil {
			ref, deleted = c.Old, true
		}
		switch {
		case ref == nil:
		case ref.Type == "tag":
			out = append(out, Ref{Name: "refs/tags/" + ref.Name, Deleted: deleted})
		default:
			out = append(out, Ref{Name: branchPrefix + ref.Name, Deleted: deleted})
		}
	}
	return out
}

func dataCenterRefs(fields map[string]json.RawMessage) []Ref {
	var changes []struct {
		Ref struct {
			ID string `json:"id"`
		} `json:"ref"`
		Type string `json:"type"`
	}
	if json.Unmarshal(fields["changes"], &changes) != nil {
		return nil
	}
	out := make([]Ref, 0, len(changes))
	for _, c := range changes {
		out = append(out, Ref{Name: c.Ref.ID, Deleted: c.Type == "DELETE"})
	}
	return out
}

// text is the value of a JSON string, empty for every other value.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// Decide says whether the event asks for a build of the branch; if not, why is
// one line for the sender.
func (e Event) Decide(branch string) (build bool, why string) {
	want := branchPrefix + branch
	if !e.Push {
		return false, fmt.Sprintf("Ignored. The event is %s, only pushes start a build.", quote(e.Name))
	}
	if e.Bare {
		return true, ""
	}
	if len(e.Refs) == 0 {
		return false, fmt.Sprintf("Ignored. The push names no branch, the course builds %s.", quote(want))
	}
	for _, r := range e.Refs {
		switch {
		case r.Name != want:
		case r.Deleted:
			why = fmt.Sprintf("Ignored. The push deletes %s.", quote(want))
		default:
			return true, ""
		}
	}
	if why == "" {
		why = fmt.Sprintf("Ignored. The push is to %s, the course builds %s.", quote(e.Refs[0].Name), quote(want))
	}
	return false, why
}

// Other names a branch that was pushed and is not the given one, empty for none.
func (e Event) Other(branch string) string {
	for _, r := range e.Refs {
		name, isBranch := strings.CutPrefix(r.Name, branchPrefix)
		if isBranch && name != branch && !r.Deleted {
			return name
		}
	}
	return ""
}

// quote makes a name of the payload harmless in an answer and in a log.
func quote(name string) string {
	const longest = 100
	runes := []rune(name)
	if len(runes) > longest {
		name = string(runes[:longest]) + "…"
	}
	quoted := fmt.Sprintf("%q", name)
	return quoted[1 : len(quoted)-1]
}
