package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coursewright/internal/course"
)

// submoduleError marks a failure below the course's own repository.
type submoduleError struct{ err error }

func (e *submoduleError) Error() string { return "submodules: " + e.err.Error() }
func (e *submoduleError) Unwrap() error { return e.err }

// symptom is a failure that git's output gives away.
type symptom struct {
	texts   []string
	message string // for the authors; empty: the network's or the other server's trouble
}

// symptoms are tried in order; the first match counts.
func symptoms() []symptom {
	return []symptom{
		{[]string{"does not exist on the server"}, lfsMessage},
		{
			[]string{"Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"},
			"The ssh key of the git host is not the known one, or the host is not known. Ask the administrator to check the known_hosts file.",
		},
		{[]string{
			"Could not resolve host", "Temporary failure in name resolution", "Connection refused", "Connection timed out",
			"Operation timed out", "Operation too slow", "Network is unreachable", "No route to host", "Connection reset",
			"Failed to connect", "Couldn't connect to server", "early EOF", "unexpected disconnect", "kex_exchange_identification",
			"Connection closed by", "returned error: 5", "returned error: 429", "unable to connect",
		}, ""},
		{
			[]string{"server certificate verification failed", "SSL certificate problem", "SSL: no alternative certificate"},
			"The certificate of the git host is not trusted by this server. Use an address with a valid certificate, or ask the administrator to add the authority.",
		},
		{
			[]string{
				"Repository not found", "returned error: 404", "does not appear to be a git repository",
				"not valid: is this a git repository?", "does not exist", "could not be found", "' not found",
			},
			"The git host has no such repository, or does not show it to this service. Check the address; for a private repository give this service access.",
		},
		{
			[]string{
				"Permission denied (", "Permission denied, please", "Authentication failed", "could not read Username", "could not read Password",
				"terminal prompts disabled", "returned error: 401", "returned error: 403", "Access denied", "not authorized",
			},
			"The git host denied access. Add this service's public ssh key to the repository as a deploy key, or put a valid access token into the https address.",
		},
		{
			[]string{"transport '", "' not allowed", "is not a valid protocol"},
			"The address uses a transport that is not allowed; use https or ssh.",
		},
		{
			[]string{"mismatched algorithms"},
			"The repository names its objects with SHA-256, which is not supported. Use a repository with SHA-1, git's default.",
		},
		{
			[]string{"dubious ownership"},
			"The local repository belongs to another user. Give it to the user of this service.",
		},
	}
}

// lfsSymptoms come after the others: what git-lfs says about the network or
// about access tells more.
func lfsSymptoms() []symptom {
	return []symptom{{[]string{"smudge filter lfs failed", "git-lfs filter-process"}, lfsMessage}}
}

const lfsMessage = "A file kept in Git LFS could not be fetched. Push the files with git lfs push --all, or give this service access to them."

func submoduleSymptoms() []symptom {
	return []symptom{
		{
			[]string{"not our ref", "unadvertised object", "did not contain", "unable to find current revision", "Unable to find current"},
			"A submodule points to a commit that its repository does not have. Push the submodule's commits, then commit its new state.",
		},
		{
			[]string{"ignoring suspicious submodule", "bad config", "invalid submodule", "submodule git dir", "disallow"},
			"The .gitmodules file has an entry that git refuses. Correct the name, path and url in it.",
		},
		{
			[]string{"invalid path '", "File name too long"},
			"The repository has a file with a name that cannot be written. Remove it, or use a shorter name.",
		},
	}
}

func (e *gitError) symptom(list []symptom) (symptom, bool) {
	i := slices.IndexFunc(list, func(s symptom) bool { return e.says(s.texts...) })
	if i < 0 {
		return symptom{}, false
	}
	return list[i], true
}

// ElsewhereTrouble says whether a checkout failed for a reason that another
// host of the service may meet as well: the other side or the network.
func ElsewhereTrouble(err error) bool { return remoteTrouble(err) }

// remoteTrouble says whether an update failed for a reason that a new clone
// would meet again: the branch, the other side or the network.
func remoteTrouble(err error) bool {
	var author *course.AuthorError
	if errors.As(err, &author) {
		return true
	}
	var failed *gitError
	if !errors.As(err, &failed) {
		return false
	}
	if isMissingBranch(failed) {
		return true
	}
	list, _ := failed.possible(err)
	_, known := failed.symptom(list)
	return known
}

// possible gives the symptoms to look for in the failure err, and words about
// where it happened.
func (e *gitError) possible(err error) (list []symptom, about string) {
	_, lfs := e.symptom(lfsSymptoms())
	var sub *submoduleError
	switch {
	case errors.As(err, &sub):
		return slices.Concat(submoduleSymptoms(), symptoms(), lfsSymptoms()), "In a submodule: "
	case strings.HasPrefix(e.command, "reset") && !lfs:
		return nil, "" // nothing but files of this disk: names were looked at before
	}
	return slices.Concat(symptoms(), lfsSymptoms()), ""
}

func isMissingBranch(e *gitError) bool {
	return strings.HasPrefix(e.command, "fetch ") && e.says("couldn't find remote ref")
}

// explain turns a failure into what the caller promises.
func (s *session) explain(ctx context.Context, branch string, err error) error {
	var failed *gitError
	if ctx.Err() != nil || isDiskFull(err) || !errors.As(err, &failed) {
		var author *course.AuthorError
		if errors.As(err, &author) {
			return author
		}
		return fmt.Errorf("checkout: %w", err)
	}
	if isMissingBranch(failed) {
		return s.missingBranch(ctx, branch)
	}
	list, about := failed.possible(err)
	if found, ok := failed.symptom(list); ok && found.message != "" {
		return course.Authorf("%s%s Git said: %s", about, found.message, failed.reason(found.texts...))
	}
	return fmt.Errorf("checkout: %w", err)
}

// reason is the line of the output that says most: one with a text that was
// looked for, else git's own verdict.
func (e *gitError) reason(texts ...string) string {
	lines := strings.Split(strings.TrimSpace(e.tail), "\n")
	for _, line := range lines {
		if containsAny(line, texts) {
			return line
		}
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "fatal: ") {
			return line
		}
	}
	return lines[len(lines)-1]
}

func (s *session) missingBranch(ctx context.Context, branch string) error {
	names, err := s.branches(ctx)
	if err != nil {
		return course.Authorf("The repository has no branch %q. Correct the course's branch or push it.", branch)
	}
	if len(names) == 0 {
		return course.Authorf("The repository is empty: it has no branches. Push branch %q.", branch)
	}
	near := nearest(branch, names, 5)
	more := ""
	if n := len(names) - len(near); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return course.Authorf("The repository has no branch %q; it has %s%s. Correct the course's branch or push it.",
		branch, strings.Join(near, ", "), more)
}
