package settings

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Problem is one thing wrong with the settings.
type Problem struct {
	Source  string // where it was given, such as a variable or a file with line
	Name    string // setting
	Value   string // what was given, masked when it is secret; may be empty
	Message string // what is wrong, what is allowed, what to do
}

// String gives the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Source)
	if p.Name != "" && !strings.HasSuffix(p.Source, p.Name) {
		fmt.Fprintf(&b, ": %s", p.Name)
	}
	if p.Value != "" {
		fmt.Fprintf(&b, " = %s", p.Value)
	}
	return b.String() + ": " + p.Message
}

// Error lists everything that is wrong with the settings.
type Error struct{ Problems []Problem }

// Error gives one line for every problem.
func (e *Error) Error() string {
	lines := []string{"the settings are wrong:"}
	for _, p := range e.Problems {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

var credentials = regexp.MustCompile(`://[^@\s]*@`)

// quoteValue shows what was given, without credentials and not too long.
func quoteValue(text string, secret bool) string {
	if secret && text != "" {
		return mask
	}
	text = credentials.ReplaceAllString(text, "://"+mask+"@")
	const most = 80
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// nearMiss finds the name that was probably meant, or "": one that differs by
// few letters, or one that has the same words at its beginning or end.
func nearMiss(name string, candidates []string) string {
	name = strings.ToUpper(name)
	best, least := "", 1+min(3, len(name)/3)
	for _, c := range candidates {
		if d := distance(name, c); d < least {
			best, least = c, d
		}
	}
	if best != "" {
		return best
	}
	for _, c := range candidates {
		shares := strings.HasSuffix(name, "_"+c) || strings.HasPrefix(name, c+"_") || strings.HasSuffix(c, "_"+name) || strings.HasPrefix(c, name+"_")
		if shares && len(c) > len(best) {
			best = c
		}
	}
	return best
}

// distance counts the bytes to add, drop or change to get from a to b. Names
// are short; a very long one is not near to any.
func distance(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	costs := make([]int, len(b)+1)
	for j := range costs {
		costs[j] = j
	}
	for i := range len(a) {
		corner := costs[0]
		costs[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = costs[j+1]
			costs[j+1] = min(change, costs[j]+1, corner+1)
		}
	}
	return costs[len(b)]
}
