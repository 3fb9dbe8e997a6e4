// Package message holds what the pages say in English and in Finnish. English is
// written where it is used, and is the key of its translation: in fi.json for the
// pages' own texts, in fi_*.json for those that come from the rest of the service,
// with their arguments. It does no output of its own. Start at Match and Printer.
package message

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"golang.org/x/text/language"
)

// Language is one of the languages of the pages, by its ISO 639 code.
type Language string

// The languages of the pages.
const (
	English Language = "en"
	Finnish Language = "fi"
)

//go:embed fi.json
var finnish []byte

// Catalogue holds the translations.
type Catalogue struct {
	finnish map[string]string
	service []phrase // in Finnish
	matcher language.Matcher
}

// Load reads the embedded translations.
func Load() (*Catalogue, error) {
	c := &Catalogue{matcher: language.NewMatcher([]language.Tag{language.English, language.Finnish})}
	if err := json.Unmarshal(finnish, &c.finnish); err != nil {
		return nil, fmt.Errorf("read the Finnish texts of the pages: %w", err)
	}
	var err error
	c.service, err = loadPhrases()
	return c, err
}

// Languages lists the languages of the pages.
func Languages() []Language { return []Language{English, Finnish} }

// Match chooses a language: the one chosen before, if there is such a one, else
// what an Accept-Language header prefers.
func (c *Catalogue) Match(chosen, accept string) Language {
	for _, l := range Languages() {
		if string(l) == chosen {
			return l
		}
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return English
	}
	_, i, _ := c.matcher.Match(wanted...)
	return Languages()[i]
}

// Printer says things in one language.
type Printer struct {
	Language  Language
	catalogue *Catalogue
}

// Printer gives the printer of a language.
func (c *Catalogue) Printer(l Language) Printer { return Printer{Language: l, catalogue: c} }

// T says a text; verbs as of package fmt are filled in. A text without a
// translation stays as it is, such as those of other parts of the service.
func (p Printer) T(text string, args ...any) string {
	text, _ = p.Find(text)
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N says how many: one is the text for a single thing, many that for another
// number of them, which is filled in.
func (p Printer) N(n int, one, many string) string {
	if n == 1 {
		return p.T(one, n)
	}
	return p.T(many, n)
}

// Find gives the translation of a text; ok is false when it is not known, and
// then the text is the answer.
func (p Printer) Find(text string) (translated string, ok bool) {
	if p.Language != Finnish {
		return text, true
	}
	if translated, ok := p.catalogue.finnish[text]; ok {
		return translated, true
	}
	return text, false
}

// Known lists all texts that have a translation.
func (c *Catalogue) Known() []string {
	out := make([]string, 0, len(c.finnish))
	for text := range c.finnish {
		out = append(out, text)
	}
	return out
}
