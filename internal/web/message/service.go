package message

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The service's own texts: why builds fail, what is wrong with a course, what
// became of a delivery. Other packages say them in English, where they mean
// something, with their arguments filled in, and so they are stored. The format
// that they were made with is the key of the translation; the arguments are read
// back from the text.
//
//go:embed fi_*.json
var finnishService embed.FS

// Part is a piece of a text of the service.
type Part struct {
	Text    string `json:"text"`
	Foreign bool   `json:"foreign,omitempty"` // in English, on a page of another language
}

// verbs of the keys and the translations: %s is a name or a value, which stays as
// it is; %t is another text of the service; %m may be one or a value, which is
// quoted or one word; %e is what another program says, in English. A translation may
// name an argument by its number: %[2]s.
var verb = regexp.MustCompile(`%(\[\d\])?([stme])`)

// phrase is a text of the service with its translation.
type phrase struct {
	literals []string // around the arguments: one more than there are of these
	kinds    []byte   // of the arguments
	weight   int      // how many bytes are literal
	out      []piece
}

// piece is a literal of a translation, or one of the arguments.
type piece struct {
	literal string
	arg     int // from 1; 0: it is a literal
}

// loadPhrases reads the translations of what the service says, those with the
// most words of their own first.
func loadPhrases() ([]phrase, error) {
	entries, err := finnishService.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list the Finnish texts of the service: %w", err)
	}
	var out []phrase
	for _, entry := range entries {
		data, err := finnishService.ReadFile(entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read the Finnish texts of the service: %w", err)
		}
		texts := map[string]string{}
		if err := json.Unmarshal(data, &texts); err != nil {
			return nil, fmt.Errorf("read the Finnish texts of the service: %s: %w", entry.Name(), err)
		}
		for key, translation := range texts {
			p, err := newPhrase(key, translation)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", entry.Name(), err)
			}
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b phrase) int {
		return cmp.Or(b.weight-a.weight, strings.Compare(strings.Join(a.literals, ""), strings.Join(b.literals, "")), strings.Compare(string(a.kinds), string(b.kinds)))
	})
	return out, nil
}

func newPhrase(key, translation string) (phrase, error) {
	var p phrase
	at := 0
	for _, m := range verb.FindAllStringSubmatchIndex(key, -1) {
		p.literals = append(p.literals, key[at:m[0]])
		p.kinds = append(p.kinds, key[m[4]])
		at = m[1]
	}
	p.literals = append(p.literals, key[at:])
	for _, l := range p.literals {
		p.weight += len(l)
	}
	at = 0
	for n, m := range verb.FindAllStringSubmatchIndex(translation, -1) {
		arg := n + 1
		if m[2] >= 0 {
			arg, _ = strconv.Atoi(translation[m[2]+1 : m[3]-1]) // the expression has digits there
		}
		if arg < 1 || arg > len(p.kinds) || p.kinds[arg-1] != translation[m[4]] {
			return p, fmt.Errorf("the translation of %q has other arguments: %q", key, translation)
		}
		p.out = append(p.out, piece{literal: translation[at:m[0]]}, piece{arg: arg})
		at = m[1]
	}
	p.out = append(p.out, piece{literal: translation[at:]})
	return p, nil
}

// Bounds of the search for a translation. Texts hold what courses and other
// programs say, so that they may be anything.
const (
	longestText = 4000
	deepest     = 8
	mostTries   = 20_000
)

// Say gives a text of another part of the service in the printer's language. What
// has no translation stays English, as one part that says so.
func (p Printer) Say(text string) []Part {
	if translated, ok := p.Find(text); ok {
		return []Part{{Text: translated}}
	}
	s := search{phrases: p.catalogue.service, left: mostTries}
	if len(text) <= longestText {
		if parts, ok := s.say(text, 0); ok {
			return joined(parts)
		}
	}
	return []Part{{Text: text, Foreign: true}}
}

// joined puts neighbours of one language together.
func joined(parts []Part) []Part {
	var out []Part
	for _, part := range parts {
		switch last := len(out) - 1; {
		case part.Text == "":
		case last >= 0 && out[last].Foreign == part.Foreign:
			out[last].Text += part.Text
		default:
			out = append(out, part)
		}
	}
	return out
}

// search looks for a way to say one text.
type search struct {
	phrases []phrase
	left    int // tries
}

func (s *search) say(text string, depth int) (parts []Part, ok bool) {
	if depth > deepest {
		return nil, false
	}
	for i := range s.phrases {
		p := &s.phrases[i]
		if len(text) < p.weight || !strings.HasPrefix(text, p.literals[0]) {
			continue
		}
		if parts, ok = s.match(p, text[len(p.literals[0]):], nil, depth); ok {
			return parts, true
		}
	}
	return nil, false
}

// match reads the arguments that follow those that are read already from the rest
// of a text, in every way until one can be said.
func (s *search) match(p *phrase, rest string, args []string, depth int) ([]Part, bool) {
	if s.left--; s.left < 0 {
		return nil, false
	}
	n := len(args)
	if n == len(p.kinds) {
		if rest != "" {
			return nil, false
		}
		return s.fill(p, args, depth)
	}
	next := p.literals[n+1]
	if n == len(p.kinds)-1 { // the last one ends where the text ends
		arg, ok := strings.CutSuffix(rest, next)
		if !ok {
			return nil, false
		}
		return s.match(p, "", append(slices.Clip(args), arg), depth)
	}
	for from := 0; from <= len(rest); {
		at := strings.Index(rest[from:], next)
		if at < 0 {
			return nil, false
		}
		at += from
		if parts, ok := s.match(p, rest[at+len(next):], append(slices.Clip(args), rest[:at]), depth); ok {
			return parts, true
		}
		from = at + 1
	}
	return nil, false
}

// fill says a phrase with its arguments, which must all be sayable.
func (s *search) fill(p *phrase, args []string, depth int) ([]Part, bool) {
	said := make([][]Part, len(args))
	for i, arg := range args {
		switch p.kinds[i] {
		case 's':
			said[i] = []Part{{Text: arg}}
		case 'e':
			said[i] = []Part{{Text: arg, Foreign: true}}
		default:
			parts, ok := s.say(arg, depth+1)
			if !ok && (p.kinds[i] == 't' || strings.Contains(arg, " ") && arg[0] != '"') {
				return nil, false
			}
			if !ok {
				parts = []Part{{Text: arg}}
			}
			said[i] = parts
		}
	}
	var out []Part
	for _, piece := range p.out {
		if piece.arg > 0 {
			out = append(out, said[piece.arg-1]...)
		} else {
			out = append(out, Part{Text: piece.literal})
		}
	}
	return out, true
}
