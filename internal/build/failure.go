package build

import (
	"strings"
	"time"

	"coursewright/internal/course"
)

// ExitFailure is the *course.AuthorError for a command that ended with a status
// other than 0.
func ExitFailure(command []string, status int) error {
	hint := "its messages above say why"
	switch status {
	case 126:
		hint = "126 often means that a file is not executable; see the messages above"
	case 127:
		hint = "127 often means that a program was not found; see the messages above"
	case 137:
		hint = "137 means that it was killed, most often because memory ran out"
	}
	return course.Authorf("the build command %s ended with status %d: %s", Quote(command), status, hint)
}

// SignalFailure is the *course.AuthorError for a command that a signal ended
// which the builder did not send.
func SignalFailure(command []string, signal string) error {
	return course.Authorf("the build command %s was ended by a signal (%s): the program crashed, or the host ran out of memory", Quote(command), signal)
}

// TimeFailure is the *course.AuthorError for a build that was stopped because
// its time was up.
func TimeFailure(limit time.Duration) error {
	return course.Authorf("the build was stopped because it took longer than %s: make it faster, or ask the administrator for a higher BUILD_TIMEOUT", limit)
}

// MemoryFailure is the *course.AuthorError for a build that used up its memory;
// limit is in words, such as 2 GiB.
func MemoryFailure(limit string) error {
	return course.Authorf("the build was stopped because it used more memory than the allowed %s: make it need less, or ask the administrator for more", limit)
}

// Quote shows a command as one line that Split takes apart into the same words.
// It is for messages: nothing is ever run from it.
func Quote(words []string) string {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		if w == "" || strings.ContainsFunc(w, needsQuotes) {
			w = "'" + strings.ReplaceAll(w, "'", `'"'"'`) + "'"
		}
		quoted = append(quoted, w)
	}
	return strings.Join(quoted, " ")
}

func needsQuotes(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("@%+=:,./-_", r)
}
