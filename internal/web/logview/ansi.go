package logview

import (
	"html/template"
	"regexp"
	"strconv"
	"strings"
)

// escapePattern finds terminal escapes: colours and other control sequences,
// titles, and what is left of broken ones.
var escapePattern = regexp.MustCompile("\x1b\\[([0-9;:?]*)[ -/]*([@-~])|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|\x1b.?")

// style is the look that colour escapes have chosen.
type style struct {
	bold, faint, italic, underline bool
	fg, bg                         int // 0: none, else colour number + 1
}

// classes are the names that the stylesheet and the script know.
func (s style) classes() string {
	var out []string
	for _, c := range []struct {
		on   bool
		name string
	}{{s.bold, "a-b"}, {s.faint, "a-f"}, {s.italic, "a-i"}, {s.underline, "a-u"}} {
		if c.on {
			out = append(out, c.name)
		}
	}
	if s.fg > 0 {
		out = append(out, "f"+strconv.Itoa(s.fg-1))
	}
	if s.bg > 0 {
		out = append(out, "b"+strconv.Itoa(s.bg-1))
	}
	return strings.Join(out, " ")
}

// apply changes the style by the parameters of one escape.
func (s style) apply(parameters string) style {
	codes := strings.FieldsFunc(parameters, func(r rune) bool { return r == ';' || r == ':' })
	if len(codes) == 0 {
		return style{}
	}
	for i := 0; i < len(codes); i++ {
		n, err := strconv.Atoi(codes[i])
		if err != nil {
			return s
		}
		if n == 38 || n == 48 {
			colour, used := extended(codes[i+1:])
			i += used
			if n == 38 {
				s.fg = colour
			} else {
				s.bg = colour
			}
			continue
		}
		s = s.code(n)
	}
	return s
}

func (s style) code(n int) style {
	switch {
	case n == 0:
		return style{}
	case n == 1:
		s.bold = true
	case n == 2:
		s.faint = true
	case n == 3:
		s.italic = true
	case n == 4:
		s.underline = true
	case n == 22:
		s.bold, s.faint = false, false
	case n == 23:
		s.italic = false
	case n == 24:
		s.underline = false
	case n >= 30 && n <= 37:
		s.fg = n - 30 + 1
	case n == 39:
		s.fg = 0
	case n >= 40 && n <= 47:
		s.bg = n - 40 + 1
	case n == 49:
		s.bg = 0
	case n >= 90 && n <= 97:
		s.fg = n - 90 + 8 + 1
	case n >= 100 && n <= 107:
		s.bg = n - 100 + 8 + 1
	}
	return s
}

// extended reads the rest of a colour of the larger tables. The sixteen usual
// colours of the table of 256 are kept, the others are left to the page.
func extended(codes []string) (colour, used int) {
	switch {
	case len(codes) >= 2 && codes[0] == "5":
		if n, err := strconv.Atoi(codes[1]); err == nil && n >= 0 && n < 16 {
			return n + 1, 2
		}
		return 0, 2
	case len(codes) >= 1 && codes[0] == "2":
		return 0, min(4, len(codes))
	}
	return 0, 0
}

// parseStyle reads what classes wrote; what it does not know it leaves out.
func parseStyle(classes string) style {
	var s style
	for _, name := range strings.Fields(classes) {
		switch name {
		case "a-b":
			s.bold = true
		case "a-f":
			s.faint = true
		case "a-i":
			s.italic = true
		case "a-u":
			s.underline = true
		}
		if n, err := strconv.Atoi(name[1:]); err == nil && n >= 0 && n < 16 {
			switch name[0] {
			case 'f':
				s.fg = n + 1
			case 'b':
				s.bg = n + 1
			}
		}
	}
	return s
}

// after is the style behind a piece of text.
func (s style) after(text string) style {
	if quick, ok := s.afterColours(text); ok { // nearly always: a log may have half a million lines
		return quick
	}
	for _, at := range escapePattern.FindAllStringSubmatchIndex(text, -1) {
		if at[4] >= 0 && text[at[4]:at[5]] == "m" {
			s = s.apply(text[at[2]:at[3]])
		}
	}
	return s
}

// afterColours is the style behind a piece of text that has no escapes but those
// that set it; ok is false where there are others.
func (s style) afterColours(text string) (after style, ok bool) {
	for {
		_, rest, found := strings.Cut(text, "\x1b")
		if !found {
			return s, true
		}
		if !strings.HasPrefix(rest, "[") {
			return s, false
		}
		end := 1
		for end < len(rest) && (rest[end] >= '0' && rest[end] <= '9' || rest[end] == ';') {
			end++
		}
		if end == len(rest) || rest[end] != 'm' {
			return s, false
		}
		s = s.apply(rest[1:end])
		text = rest[end+1:]
	}
}

// write renders one line without its end: colours become spans, all else is
// text. It gives the style behind it.
func (s style) write(out *strings.Builder, line string) style {
	put := func(part string) {
		if part = plain(part); part == "" {
			return
		}
		part = template.HTMLEscapeString(part)
		if classes := s.classes(); classes != "" {
			part = `<span class="` + classes + `">` + part + `</span>`
		}
		out.WriteString(part)
	}
	rest := 0
	if strings.Contains(line, "\x1b") {
		for _, at := range escapePattern.FindAllStringSubmatchIndex(line, -1) {
			put(line[rest:at[0]])
			rest = at[1]
			if at[4] >= 0 && line[at[4]:at[5]] == "m" {
				s = s.apply(line[at[2]:at[3]])
			}
		}
	}
	put(line[rest:])
	return s
}

// Plain takes away what no page shows: escapes, control characters but tabs,
// and what changes the direction of text. Of a line that a progress bar has
// written over, the last state stays.
func Plain(line string) string {
	if strings.Contains(line, "\x1b") {
		line = escapePattern.ReplaceAllString(line, "")
	}
	return plain(lastState(line))
}

// lastState is what a terminal shows of a line with carriage returns.
func lastState(line string) string {
	line = strings.TrimRight(line, "\r")
	return line[strings.LastIndexByte(line, '\r')+1:]
}

func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' || r == 0x7f || strings.ContainsRune("\u202a\u202b\u202d\u202e\u2066\u2067\u2068", r) {
			return -1
		}
		return r
	}, text)
}
