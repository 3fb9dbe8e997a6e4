package message_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/web/message"
)

func printer(t *testing.T, l message.Language) message.Printer {
	t.Helper()
	c, err := message.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.Printer(l)
}

// What the service says is said in Finnish with its arguments, whatever these are,
// and what has no translation stays whole.
func TestSay(t *testing.T) {
	t.Parallel()
	finnish := printer(t, message.Finnish)
	plain := func(text string) []message.Part { return []message.Part{{Text: text}} }
	for text, want := range map[string][]message.Part{
		`found the text "ten"; allowed is a whole number of at least 0`: plain(`löytyi teksti "ten"; sallittu on kokonaisluku, vähintään 0`),
		// Arguments in another order, and one text within another.
		`a module needs the key "name": a text, or a mapping from two-letter language codes to it`: plain(
			`moduuli: puuttuu avain "name", jonka arvo on teksti, tai avain–arvo-rakenne, jossa sellainen on kunkin kaksikirjaimisen kielikoodin arvona`),
		// Values look like the words around them, or like words of the service.
		`found the text "a; allowed is b"; allowed is a text`:        plain(`löytyi teksti "a; allowed is b"; sallittu on teksti`),
		`Ignored. The push is to a list, the course builds nothing.`: plain(`Ohitettu. Push kohdistuu haaraan a list; kurssi kootaan haarasta nothing.`),
		`validate: the course configuration has 2 errors, the first is: a/index.yaml:9:3: x.y: found a list; allowed is a text (put it in quotes)`: plain(
			`Asetustiedostojen tarkistus: kurssin asetustiedostoissa on 2 virhettä, joista ensimmäinen: a/index.yaml:9:3: x.y: löytyi lista; sallittu on teksti (kirjoita se lainausmerkkeihin)`),
		// What other programs say stays theirs.
		`checkout: The git host denied access. Add this service's public ssh key to the repository as a deploy key, or put a valid access token into the https address. Git said: fatal: no`: {
			{Text: `Lähteiden haku: Git-palvelin epäsi pääsyn. Lisää tämän palvelun julkinen ssh-avain varaston julkaisuavaimeksi (deploy key), tai kirjoita https-osoitteeseen voimassa oleva käyttöoikeustunnus. Git sanoi: `},
			{Text: `fatal: no`, Foreign: true},
		},
		// Half a translation is none.
		`validate: something that nobody says`: {{Text: `validate: something that nobody says`, Foreign: true}},
		``:                                     {{Foreign: true}},
	} {
		if diff := cmp.Diff(want, finnish.Say(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if got := printer(t, message.English).Say(text); len(got) != 1 || got[0] != (message.Part{Text: text}) {
			t.Errorf("%q is in English %+v", text, got)
		}
	}
}

// A course may give texts that nearly fit in very many ways: the search ends.
func TestSayEnds(t *testing.T) {
	t.Parallel()
	finnish := printer(t, message.Finnish)
	for _, text := range []string{
		strings.Repeat(": ", 1900) + "x",
		strings.Repeat("validate: ", 300),
		"late_close (" + strings.Repeat(") is before the course ends (", 130) + "x",
		strings.Repeat("found a list; allowed is ", 100_000),
	} {
		if got := finnish.Say(text); len(got) != 1 || !got[0].Foreign || got[0].Text != text {
			t.Errorf("%.40q… became %.100q…", text, got[0].Text)
		}
	}
}
