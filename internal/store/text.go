package store

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"coursewright/internal/course"
)

// CleanText makes a text fit for every database: invalid UTF-8 becomes U+FFFD,
// NUL is left out.
func CleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
}

// CutRequestIP cleans a request's address and cuts it to the length that the
// builds keep, course.MaxRequestIPLength characters.
func CutRequestIP(ip string) string {
	ip = CleanText(ip)
	n := 0
	for i := range ip {
		if n == course.MaxRequestIPLength {
			return ip[:i]
		}
		n++
	}
	return ip
}

// CheckLogText gives an error of kind course.ErrInvalid for a text that no log
// may contain: every database must be able to give back what it was given.
func CheckLogText(text string) error {
	if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		return fmt.Errorf("log text is not UTF-8 without NUL; clean it first: %w", course.ErrInvalid)
	}
	return nil
}

// CheckTry gives an error of kind course.ErrConflict unless the try is the
// newest of its build.
// one of kind course.ErrBehind when appends, the number of the newest append that
// the database has, is less than the try has been told.
func CheckTry(try course.Try, newest, appends int64) error {
	if try.Number != newest {
		return fmt.Errorf("try %d of the build's steps was followed by try %d: %w", try.Number, newest, course.ErrConflict)
	}
	if appends < try.Appends {
		return fmt.Errorf("append %d to the log was stored, the newest is %d: %w", try.Appends, appends, course.ErrBehind)
	}
	return nil
}

// CheckAppend gives an error of kind course.ErrInvalid for what is no text.
func CheckAppend(a course.LogAppend) error {
	if a.Number < 0 {
		return fmt.Errorf("append number %d: %w", a.Number, course.ErrInvalid)
	}
	if err := CheckLogText(a.Text); err != nil {
		return err
	}
	return CheckLogText(a.Mark)
}

// CutLog gives the length of the first piece of a log text that is to be at
// most limit bytes: it ends with the text, else at the last line end in the
// second half of the limit, else before the character that does not fit. It
// is 0 when not even one character fits.
func CutLog(text string, limit int64) int {
	if int64(len(text)) <= limit {
		return len(text)
	}
	if limit <= 0 {
		return 0
	}
	n := int(limit)
	if i := strings.LastIndexByte(text[:n], '\n'); i >= n/2 {
		return i + 1
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// SkipLog gives the number of bytes to leave out at the start of a log text so
// that at least n are gone and the rest begins with a whole character.
func SkipLog(text string, n int64) int {
	if n <= 0 {
		return 0
	}
	if n >= int64(len(text)) {
		return len(text)
	}
	i := int(n)
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	return i
}

// DroppedText is the text of the log chunk that stands for n bytes of output.
func DroppedText(n int64) string {
	return fmt.Sprintf("[%d bytes of output are left out here]\n", n)
}

// ReplacedReason is the reason of a SKIPPED build whose place the build with
// the given id took.
func ReplacedReason(id int64) string {
	return fmt.Sprintf("Replaced by build %d, which was requested later.", id)
}

// LostReason is the reason of a build whose workflow run is gone.
func LostReason(runID string) string {
	return fmt.Sprintf("The workflow run %s ended without recording a result.", runID)
}

// Ends says whether a build may be given this status as its final one.
func Ends(s course.Status) bool {
	switch s {
	case course.StatusSuccess, course.StatusFailed, course.StatusSkipped, course.StatusCancelled:
		return true
	case course.StatusPending, course.StatusRunning:
		return false
	}
	return false
}

// HostState is the state of a build host that administrators want drained or
// not and that tells its own trouble, if any. The administrators' word comes
// first, unless the host was stopped.
func HostState(drain bool, trouble string) course.HostState {
	switch {
	case trouble == course.StoppedTrouble:
		return course.HostStopped
	case drain:
		return course.HostDraining
	case trouble != "":
		return course.HostFailing
	}
	return course.HostActive
}
