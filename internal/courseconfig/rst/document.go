package rst

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// document is the tree and the register of its names.
type document struct {
	root      *node
	ids       map[string]*node
	lastID    int
	nameIDs   map[string]string // "" for a name that several have
	explicit  map[string]bool   // names given by the writer, not by a title
	refs      map[string][]*node
	anonRefs  []*node
	anonTgts  []*node
	indirect  []*node
	footnotes []*node
	symbols   []*node // footnotes with symbols
	autoRefs  []*node
	symRefs   []*node
	footRefs  map[string][]*node
	citeRefs  map[string][]*node
	citations []*node
	subst     map[string]*node
	substFold map[string]string // lower case to name
}

func newDocument() *document {
	return &document{
		root: newNode("document"), ids: map[string]*node{}, nameIDs: map[string]string{},
		explicit: map[string]bool{}, refs: map[string][]*node{}, footRefs: map[string][]*node{},
		citeRefs: map[string][]*node{}, subst: map[string]*node{}, substFold: map[string]string{},
	}
}

// giveID returns the id of n, after choosing one from its names or by counting.
func (d *document) giveID(n *node) string {
	if len(n.ids) > 0 {
		d.ids[n.ids[0]] = n
		return n.ids[0]
	}
	id := ""
	for _, name := range n.names {
		if id = makeID(name); id != "" && d.ids[id] == nil {
			break
		}
		id = ""
	}
	for id == "" || d.ids[id] != nil {
		d.lastID++
		id = fmt.Sprintf("id%d", d.lastID)
	}
	n.ids = append(n.ids, id)
	d.ids[id] = n
	return id
}

// plainLetters are the letters that Unicode does not take apart.
var plainLetters = strings.NewReplacer(
	"ø", "o", "đ", "d", "ħ", "h", "ı", "i", "ł", "l", "ŧ", "t", "ƀ", "b", "ß", "sz", "æ", "ae", "œ", "oe",
)

// makeID makes an identifier of ASCII letters, digits and hyphens.
func makeID(name string) string {
	name = plainLetters.Replace(strings.ToLower(name))
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r < utf8.RuneSelf && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimRight(strings.TrimLeft(b.String(), "-0123456789"), "-")
}

// note registers the names of a target. A message for the reader goes to
// where, which may be nil.
func (p *parser) note(n, where *node, explicit bool) {
	d := p.doc
	id := d.giveID(n)
	for _, name := range slices.Clone(n.names) {
		old, known := d.nameIDs[name]
		oldExplicit := d.explicit[name]
		d.explicit[name] = oldExplicit || explicit
		switch {
		case !known:
			d.nameIDs[name] = id
		case explicit && oldExplicit:
			p.duplicate(n, where, name, old)
		case explicit:
			d.nameIDs[name] = id
			d.loseName(old, name)
		default:
			if old != "" && !oldExplicit {
				d.nameIDs[name] = ""
				d.loseName(old, name)
			}
			n.names = without(n.names, name)
		}
	}
}

// duplicate handles two targets that the writer gave one name: neither is found
// by it any more, unless both lead to one address.
func (p *parser) duplicate(n, where *node, name, old string) {
	d := p.doc
	other := d.ids[old]
	same := other != nil && n.has("refuri") && len(other.names) > 0 && other.get("refuri") == n.get("refuri")
	if !same {
		if other != nil {
			d.loseName(old, name)
			d.nameIDs[name] = ""
		}
		m := p.message(levelWarning, n.place(), fmt.Sprintf("Duplicate explicit target name: \"%s\".", name))
		if m != nil {
			m.back = append(m.back, n.ids[0])
			if where != nil {
				where.add(m)
			}
		}
	}
	n.names = without(n.names, name)
}

func (d *document) loseName(id, name string) {
	if n := d.ids[id]; n != nil {
		n.names = without(n.names, name)
	}
}

func without(list []string, s string) []string {
	return slices.DeleteFunc(list, func(x string) bool { return x == s })
}
