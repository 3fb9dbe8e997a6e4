package course

import (
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of gitmanager's table of courses, in characters.
const (
	MaxKeyLength       = 50
	MaxOriginLength    = 255
	MaxBranchLength    = 40  // of the course's own branch
	MaxAnyBranchLength = 200 // of any other
	MaxHookLength      = 200
	MaxRequestIPLength = 40
	VersionLength      = 30
)

// reservedKeys would hide a course behind the service's own addresses.
var reservedKeys = []string{"preview", "api", "gitmanager", "static", "login", "model", "exercise_template", "protected", "metrics", "healthz", "readyz", "assets"}

// ValidKey says whether key can name a course.
func ValidKey(key string) bool {
	return len(key) <= MaxKeyLength && isSlug(key) && !slices.Contains(reservedKeys, key)
}

// isSlug says whether s is a word of ASCII letters, digits, - and _.
func isSlug(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// NewKeyProblem says why no course can get a key that courses may have from
// before, empty when there is no reason.
func NewKeyProblem(key string) string {
	switch {
	case key == "new":
		return "At /gitmanager/new/ is the form for new courses, so a course of that name has no settings page; choose another key."
	case key != "" && strings.Trim(key, "0123456789") == "":
		// Its files would lie where the pages of another course look for theirs.
		return "Digits alone are the number of a course in A+; choose a key with a letter, such as CS-A1110_2026Autumn."
	}
	return ""
}

// Validate checks the fields that a caller gives for a new course and returns
// all that is wrong as *FieldErrors.
func (c Course) Validate() error { return c.ValidateChange("") }

// ValidateChange is Validate for a course that has a key already: it can be one
// that no course gets any more.
func (c Course) ValidateChange(oldKey string) error {
	var out []FieldError
	add := func(field, message string) { out = append(out, FieldError{Field: field, Message: message}) }
	switch {
	case c.Key == "":
		add("key", "This field is required.")
	case len(c.Key) > MaxKeyLength || !isSlug(c.Key):
		add("key", "Use 1 to 50 letters, digits, hyphens and underscores.")
	case slices.Contains(reservedKeys, c.Key):
		add("key", "This word is an address of the service itself; choose another key.")
	case c.Key != oldKey && NewKeyProblem(c.Key) != "":
		add("key", NewKeyProblem(c.Key))
	}
	if c.RemoteID != nil && *c.RemoteID < 0 {
		add("remote_id", "Give a whole number that is not negative.")
	}
	validateOrigin(c.GitOrigin, add)
	validateBranch(c.GitBranch, add)
	if c.UpdateHook != "" {
		u, err := url.Parse(c.UpdateHook)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || utf8.RuneCountInString(c.UpdateHook) > MaxHookLength {
			add("update_hook", "Give an http or https address of at most 200 characters, or nothing.")
		}
	}
	if len(out) > 0 {
		return &FieldErrors{Fields: out}
	}
	return nil
}

func validateOrigin(origin string, add func(field, message string)) {
	switch {
	case utf8.RuneCountInString(origin) > MaxOriginLength:
		add("git_origin", "Give at most 255 characters.")
	case strings.HasPrefix(origin, "-"):
		add("git_origin", "An origin must not begin with a hyphen.")
	case hasControl(origin):
		add("git_origin", "An origin must not contain control characters or line breaks.")
	case strings.Contains(origin, "::"):
		add("git_origin", "Remote helpers (name::address) are not supported; give an ssh or https address.")
	}
}

// ValidateFor checks options for a build of a course and returns all that is
// wrong as *FieldErrors.
func (o BuildOptions) ValidateFor(c Course) error {
	if o.PreviewBranch == "" {
		return nil
	}
	var out []FieldError
	add := func(message string) { out = append(out, FieldError{Field: "preview_branch", Message: message}) }
	if why := CheckBranch(o.PreviewBranch); why != "" {
		add(why)
	}
	if c.GitOrigin == "" {
		add("The course has no git origin, so it has no branches.")
	}
	if o.SkipGit {
		add("A preview begins with fetching its branch: do not give skip_git as well.")
	}
	if len(out) > 0 {
		return &FieldErrors{Fields: out}
	}
	return nil
}

func validateBranch(branch string, add func(field, message string)) {
	switch {
	case branch == "":
		add("git_branch", "This field is required.")
	case utf8.RuneCountInString(branch) > MaxBranchLength:
		add("git_branch", "Give at most 40 characters.")
	case !validBranch(branch):
		add("git_branch", notABranch)
	}
}

const notABranch = "This is not a name that git accepts for a branch."

// CheckBranch says why a name cannot be that of a branch, empty when it can.
func CheckBranch(name string) string {
	switch {
	case name == "":
		return "Give the name of a branch."
	case utf8.RuneCountInString(name) > MaxAnyBranchLength:
		return "Give at most 200 characters."
	case !validBranch(name):
		return notABranch
	}
	return ""
}

// validBranch follows the rules of git-check-ref-format(1) for one branch name.
func validBranch(name string) bool {
	if name == "@" || name == "HEAD" || strings.ContainsAny(name, " ~^:?*[\\") || hasControl(name) {
		return false
	}
	for _, bad := range []string{"..", "@{", "//"} {
		if strings.Contains(name, bad) {
			return false
		}
	}
	if strings.HasPrefix(name, "-") || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.HasSuffix(name, ".") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	})
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }) || !utf8.ValidString(s)
}

// NewSecret makes a webhook secret: 32 random bytes as 64 hexadecimal digits.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails: it ends the program instead
	return hex.EncodeToString(b[:])
}

// NewVersion makes the name of a release: VersionLength random letters and
// digits, as gitmanager's.
func NewVersion() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, 0, VersionLength)
	var b [2 * VersionLength]byte
	for len(out) < VersionLength {
		_, _ = rand.Read(b[:])
		for _, x := range b {
			// 248 is the largest multiple of 62 in a byte: no letter is likelier than another.
			if x < 248 && len(out) < VersionLength {
				out = append(out, alphabet[x%62])
			}
		}
	}
	return string(out)
}

// ValidVersion says whether s has the shape of a version.
func ValidVersion(s string) bool {
	if len(s) != VersionLength {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}
