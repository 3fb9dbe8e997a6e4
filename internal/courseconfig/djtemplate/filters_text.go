package djtemplate

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"coursewright/internal/courseconfig/pyvalue"
)

func addSlashes(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `'`, `\'`).Replace(s)
}

func upper(s string) string { return cases.Upper(language.Und).String(s) }
func lower(s string) string { return cases.Lower(language.Und).String(s) }

func capFirst(s string) string {
	head, tail := firstRune(s)
	return upper(head) + tail
}

// title is Python's str.title: letters after a letter are small, others large.
func title(s string) string {
	var b strings.Builder
	inWord := false
	for i, r := range s {
		switch {
		case inWord && r == 'Σ' && !startsCased(s[i+len("Σ"):]):
			b.WriteRune('ς')
		case inWord:
			b.WriteString(lower(string(r)))
		case r < utf8.RuneSelf:
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteString(cases.Title(language.Und, cases.NoLower).String(string(r)))
		}
		inWord = startsCased(string(r))
	}
	return b.String()
}

// startsCased tells that the first character has a case.
func startsCased(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.In(r, unicode.Upper, unicode.Lower, unicode.Title, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

var (
	afterApostrophe = regexp.MustCompile(`[a-z]'[A-Z]`)
	afterDigit      = regexp.MustCompile(`\p{Nd}[A-Z]`)
)

// titleFilter keeps the letters after an apostrophe or a digit small.
func titleFilter(s string) string {
	return afterDigit.ReplaceAllStringFunc(afterApostrophe.ReplaceAllStringFunc(title(s), lower), lower)
}

var (
	notSlug    = regexp.MustCompile(`[^a-z0-9_\s\x{0b}\x{1c}-\x{1f}-]`)
	slugBreaks = regexp.MustCompile(`[-\s\x{0b}\x{1c}-\x{1f}]+`)
)

func slugify(s string) string {
	ascii := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
	s = notSlug.ReplaceAllString(strings.ToLower(ascii), "")
	return strings.Trim(slugBreaks.ReplaceAllString(s, "-"), "-_")
}

// textMethod is a method of Python's str that needs no argument.
func textMethod(s, name string) (val, bool) {
	switch name {
	case "upper":
		return text(upper(s)), true
	case "lower":
		return text(lower(s)), true
	case "title":
		return text(title(s)), true
	case "capitalize":
		head, tail := firstRune(s)
		return text(upper(head) + lower(tail)), true
	case "strip":
		return text(strings.TrimFunc(s, isSpace)), true
	case "lstrip":
		return text(strings.TrimLeftFunc(s, isSpace)), true
	case "rstrip":
		return text(strings.TrimRightFunc(s, isSpace)), true
	case "split":
		return texts(strings.FieldsFunc(s, isSpace)), true
	case "splitlines":
		return texts(splitLines(s)), true
	}
	return val{}, false
}

// splitLines is Python's str.splitlines.
func splitLines(s string) []string {
	var lines []string
	for s != "" {
		i := strings.IndexFunc(s, isLineBreak)
		if i < 0 {
			return append(lines, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		lines = append(lines, s[:i])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		s = s[i+n:]
	}
	return lines
}

func isLineBreak(r rune) bool {
	return (r >= '\n' && r <= '\r') || (r >= 0x1c && r <= 0x1e) || r == 0x85 || r == 0x2028 || r == 0x2029
}

func makeList(in filterInput) (val, error) {
	if err := in.r.charge(costMake * len(in.text)); err != nil {
		return val{}, err
	}
	return texts(strings.Split(in.text, "")), nil
}

func wordCount(in filterInput) (val, error) {
	return number(len(strings.FieldsFunc(in.text, isSpace))), in.r.charge(costVisit * len(in.text))
}

// urlEncode keeps letters, digits and _.-~ and the characters of its argument,
// the slash by default.
func urlEncode(in filterInput) (val, error) {
	keep := "/"
	if in.hasArg && !in.arg.is(pyvalue.Null) {
		if !in.arg.is(pyvalue.String) && in.text != "" {
			return val{}, fmt.Errorf("the argument must be a text, not %s", excerpt(in.arg))
		}
		keep = in.arg.str()
	}
	return text(percentEncode(in.text, keep)), nil
}

// percentEncode writes the bytes of s as %XX, save for letters, digits, a few
// signs that no address minds, and those to keep.
func percentEncode(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c == '_' || c == '.' || c == '-' || c == '~' || isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' ||
			c < utf8.RuneSelf && strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func phoneFilter(in filterInput) (val, error) {
	if !in.value.is(pyvalue.String) {
		return val{}, fmt.Errorf("the value must be a text, not %s", excerpt(in.value))
	}
	return text(phoneNumber(in.value.str())), nil
}

// phoneNumber puts the digits of a telephone's keys for letters.
func phoneNumber(s string) string {
	const keys = "22233344455566677778889999"
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return rune(keys[r-'a'])
		}
		return r
	}, lower(s))
}

// cut removes every occurrence of its argument. HTML stays HTML, unless
// semicolons go, which would break its entities.
func cut(in filterInput) (val, error) {
	arg := in.arg.str()
	if arg == "" {
		if !in.arg.isSafe() && pystr(in.arg) != "" {
			return val{}, fmt.Errorf("the argument must be a text, not %s", excerpt(in.arg))
		}
		return in.value, nil
	}
	s := strings.ReplaceAll(in.text, arg, "")
	if in.value.isSafe() && arg != ";" {
		return safeText(s), nil
	}
	return text(s), nil
}

// pad makes a filter of a function that places a text in a field: it gets the
// text, its length and the spaces to add.
func pad(place func(s string, spaces, width int) string) func(filterInput) (val, error) {
	return func(in filterInput) (val, error) {
		width, err := toSmallInt(in.arg)
		if err != nil {
			return val{}, err
		}
		spaces := width - utf8.RuneCountInString(in.text)
		if spaces <= 0 {
			return text(in.text), nil
		}
		return text(place(in.text, spaces, width)), nil
	}
}

func alignLeft(s string, spaces, _ int) string  { return s + strings.Repeat(" ", spaces) }
func alignRight(s string, spaces, _ int) string { return strings.Repeat(" ", spaces) + s }

// center puts the odd space where Python puts it.
func center(s string, spaces, width int) string {
	left := spaces/2 + (spaces & width & 1)
	return strings.Repeat(" ", left) + s + strings.Repeat(" ", spaces-left)
}

// truncateChars shortens to at most so many characters, the last one an
// ellipsis. Combining characters do not count.
func truncateChars(in filterInput) (val, error) {
	limit, err := toInt(in.arg)
	if err != nil {
		return unlessMistyped(in, err)
	}
	s := norm.NFC.String(in.text)
	if !limit.IsInt64() || limit.Int64() > int64(len(s)) {
		return text(s), nil
	}
	most := max(limit.Int64(), 0)
	count, end := int64(0), 0
	for i, r := range s {
		if norm.NFC.PropertiesString(string(r)).CCC() != 0 {
			continue
		}
		count++
		if count == most {
			end = i
		}
		if count > most {
			return text(s[:end] + "…"), nil
		}
	}
	return text(s), nil
}

func truncateWords(in filterInput) (val, error) {
	limit, err := toInt(in.arg)
	if err != nil {
		return unlessMistyped(in, err)
	}
	if err := in.r.charge(costVisit * len(in.text)); err != nil {
		return val{}, err
	}
	words := strings.FieldsFunc(in.text, isSpace)
	if !limit.IsInt64() || limit.Int64() >= int64(len(words)) {
		return text(strings.Join(words, " ")), nil
	}
	keep := int(limit.Int64())
	if keep < 0 {
		keep = max(len(words)+keep, 0)
	}
	s := strings.Join(words[:keep], " ")
	if strings.HasSuffix(s, " …") {
		return text(s), nil
	}
	return text(s + " …"), nil
}

// unlessMistyped leaves the text as it is when a number is written wrongly, and
// fails when the argument cannot be a number at all.
func unlessMistyped(in filterInput, err error) (val, error) {
	if in.arg.is(pyvalue.String) {
		return text(in.text), nil
	}
	return val{}, err
}

// wordWrap breaks lines at white space so that they have at most so many
// characters; longer words stay whole.
func wordWrap(in filterInput) (val, error) {
	width, err := toSmallInt(in.arg)
	if err != nil {
		return val{}, err
	}
	if width <= 0 {
		return val{}, fmt.Errorf("the width must be at least 1, not %d", width)
	}
	var out []string
	for _, line := range splitLines(in.text) {
		wrapped := wrapLine(line, width)
		if len(wrapped) == 0 {
			wrapped = []string{line}
		}
		out = append(out, wrapped...)
	}
	if strings.HasSuffix(in.text, "\n") {
		out = append(out, "")
	}
	return text(strings.Join(out, "\n")), nil
}

func wrapLine(line string, width int) []string {
	var out []string
	var b strings.Builder
	used, blank := 0, 0 // characters in b, length in bytes of the white space that ends it
	flush := func() {
		if s := b.String()[:b.Len()-blank]; s != "" {
			out = append(out, s)
		}
		b.Reset()
		used, blank = 0, 0
	}
	for _, chunk := range chunks(expandTabs(line)) {
		n := utf8.RuneCountInString(chunk)
		space := strings.TrimFunc(chunk, isSpace) == ""
		if used > 0 && used+n > width {
			flush()
		}
		if space && used == 0 && len(out) > 0 {
			continue
		}
		b.WriteString(chunk)
		used += n
		blank = 0
		if space {
			blank = len(chunk)
		}
	}
	flush()
	return out
}

// chunks splits a line into words and the white space between them.
func chunks(line string) []string {
	var out []string
	for line != "" {
		space := isASCIISpace(rune(line[0]))
		i := strings.IndexFunc(line, func(r rune) bool { return isASCIISpace(r) != space })
		if i < 0 {
			i = len(line)
		}
		out = append(out, line[:i])
		line = line[i:]
	}
	return out
}

func isASCIISpace(r rune) bool { return r == ' ' || (r >= '\t' && r <= '\r') }

func expandTabs(s string) string {
	if !strings.Contains(s, "\t") {
		return s
	}
	var b strings.Builder
	column := 0
	for _, r := range s {
		if r != '\t' {
			b.WriteRune(r)
			column++
			continue
		}
		n := 8 - column%8
		b.WriteString(strings.Repeat(" ", n))
		column += n
	}
	return b.String()
}
