package pyvalue

import (
	"fmt"
	"slices"
	"strings"
)

// constructor makes values of nodes. Like PyYAML it fills collections later,
// outermost first: the order shows where a merge changes a mapping that an
// alias shares.
type constructor struct {
	file   string
	values *values
	queue  []*node // collections to be filled
}

// values is the memory of values and what they hold.
type values struct {
	values  slab[Value]
	items   slab[*Value]
	entries slab[Entry]
}

// construct makes the value of the outermost node and all below it.
func (c *constructor) construct(root *node) (*Value, *SyntaxError) {
	v, err := c.make(root)
	if err != nil {
		return nil, err
	}
	for next := 0; next < len(c.queue); next++ {
		if err := c.fill(c.queue[next]); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// make gives the value of a node; a collection is still empty then.
func (c *constructor) make(n *node) (*Value, *SyntaxError) {
	if n.value != nil {
		return n.value, nil
	}
	v := c.values.values.one()
	v.Pos, v.File = n.pos, c.file
	switch n.tag {
	case tagMap:
		v.Kind = Map
	case tagSet:
		v.Kind = Set
	case tagSeq, tagOmap, tagPairs:
		v.Kind = List
	default:
		if err := c.makeScalar(v, n); err != nil {
			return nil, err
		}
		n.value = v
		return v, nil
	}
	n.value = v
	c.queue = append(c.queue, n)
	return v, nil
}

// makeScalar sets v to what the tag makes of the node's text.
func (c *constructor) makeScalar(v *Value, n *node) *SyntaxError {
	var read func(v *Value, text string) error
	switch n.tag {
	case tagNull:
		read = func(*Value, string) error { return nil }
	case tagBool:
		read = readBool
	case tagInt:
		read = readInt
	case tagFloat:
		read = readFloat
	case tagBinary:
		read = readBinary
	case tagTimestamp:
		if n.kind != scalarNode {
			return &SyntaxError{Pos: n.pos, Message: "a date must be a single value, not " + n.name()}
		}
		read = readTimestamp
	case tagStr:
		read = func(v *Value, text string) error {
			v.Kind, v.Str = String, text
			return nil
		}
	default:
		return unknownTag(n)
	}
	text, err := scalarText(n)
	if err != nil {
		return err
	}
	if err := read(v, text); err != nil {
		return &SyntaxError{Pos: n.pos, Message: err.Error(), Hint: "Correct it, or put it in quotes if a text is meant."}
	}
	return nil
}

func unknownTag(n *node) *SyntaxError {
	switch n.tag {
	case tagValue:
		return &SyntaxError{Pos: n.pos, Message: "a lone = has a special meaning in YAML that course files do not use", Hint: "Put it in quotes."}
	case tagMerge:
		return &SyntaxError{Pos: n.pos, Message: "<< can only be the key of a mapping", Hint: "Put it in quotes if the text is meant."}
	}
	return &SyntaxError{
		Pos:     n.pos,
		Message: fmt.Sprintf("unknown tag %s", quoted(strings.Replace(n.tag, tagPrefix, "!!", 1))),
		Hint:    "Put the text in quotes if '!' belongs to it.",
	}
}

// scalarText gives the text of a node that a scalar tag wants. A mapping may
// stand for one: its key = holds the text.
func scalarText(n *node) (string, *SyntaxError) {
	for n.kind == mapNode {
		i := slices.IndexFunc(n.pairs, func(p pair) bool { return p.key.tag == tagValue })
		if i < 0 {
			break
		}
		n = n.pairs[i].value
	}
	if n.kind != scalarNode {
		return "", &SyntaxError{Pos: n.pos, Message: "a single value is expected here, not " + n.name(), Hint: "Remove the tag (!) or correct the value."}
	}
	return n.text, nil
}

// fill puts the content into the value of a collection.
func (c *constructor) fill(n *node) *SyntaxError {
	switch n.tag {
	case tagOmap, tagPairs:
		return c.fillPairs(n)
	case tagSeq:
		if n.kind != listNode {
			return &SyntaxError{Pos: n.pos, Message: "a list is expected here, not " + n.name(), Hint: "Remove the tag (!) or correct the value."}
		}
		if len(n.items) == 0 {
			return nil
		}
		n.value.Items = c.values.items.take(len(n.items))
		for i, item := range n.items {
			v, err := c.make(item)
			if err != nil {
				return err
			}
			n.value.Items[i] = v
		}
		return nil
	default:
		return c.fillMap(n)
	}
}

// fillMap fills mappings and sets.
func (c *constructor) fillMap(n *node) *SyntaxError {
	if n.kind != mapNode {
		return &SyntaxError{Pos: n.pos, Message: "a mapping is expected here, not " + n.name(), Hint: "Remove the tag (!) or correct the value."}
	}
	if err := flatten(n); err != nil {
		return err
	}
	m := MapBuilder{Entries: c.values.entries.take(len(n.pairs))[:0]}
	for _, p := range n.pairs {
		key, err := c.make(p.key)
		if err != nil {
			return err
		}
		if !Hashable(key) {
			return badKey(p.key)
		}
		value, err := c.make(p.value)
		if err != nil {
			return err
		}
		m.Put(key, value)
	}
	if n.tag == tagMap {
		n.value.Entries = m.Entries
		return nil
	}
	for _, e := range m.Entries {
		n.value.Items = append(n.value.Items, e.Key)
	}
	return nil
}

func badKey(key *node) *SyntaxError {
	e := &SyntaxError{
		Pos:     key.pos,
		Message: key.name() + " cannot be the key of a mapping",
		Hint:    "Put the key in quotes if a text is meant.",
	}
	if key.kind == mapNode {
		e.Hint = `Put the text in quotes if it starts with "{".`
	}
	return e
}

// fillPairs fills !!omap and !!pairs: lists of mappings of one entry each,
// which become pairs.
func (c *constructor) fillPairs(n *node) *SyntaxError {
	if n.kind != listNode {
		return &SyntaxError{Pos: n.pos, Message: "a list is expected here, not " + n.name(), Hint: "Remove the tag (!) or correct the value."}
	}
	for _, item := range n.items {
		if item.kind != mapNode || len(item.pairs) != 1 {
			return &SyntaxError{Pos: item.pos, Message: "a mapping with one entry is expected here", Hint: "Remove the tag (!) or correct the value."}
		}
		key, err := c.make(item.pairs[0].key)
		if err != nil {
			return err
		}
		value, err := c.make(item.pairs[0].value)
		if err != nil {
			return err
		}
		n.value.Items = append(n.value.Items, &Value{
			Kind: List, Tuple: true, Items: []*Value{key, value}, Pos: item.pos, File: c.file,
		})
	}
	return nil
}

// flatten replaces the merge keys (<<) of a mapping by the entries they bring,
// which go before its own: so its own win, and of several the first of a list
// and the last key.
func flatten(n *node) *SyntaxError {
	if n.merged {
		return nil
	}
	n.merged = true
	if !slices.ContainsFunc(n.pairs, func(p pair) bool { return p.key.tag == tagMerge || p.key.tag == tagValue }) {
		return nil
	}
	var brought []pair
	own := make([]pair, 0, len(n.pairs))
	for _, p := range n.pairs {
		switch p.key.tag {
		case tagMerge:
			more, err := mergeSource(p.value)
			if err != nil {
				return err
			}
			brought = append(brought, more...)
		case tagValue:
			p.key.tag = tagStr
			own = append(own, p)
		default:
			own = append(own, p)
		}
	}
	n.pairs = own
	if len(brought) > 0 {
		n.pairs = append(brought, own...)
	}
	return nil
}

// mergeSource gives the entries that the value of a merge key brings.
func mergeSource(n *node) ([]pair, *SyntaxError) {
	const hint = "Write << with an alias of a mapping, or with a list of such; put << in quotes if the text is meant."
	switch n.kind {
	case mapNode:
		err := flatten(n)
		return n.pairs, err
	case listNode:
		var pairs []pair
		for _, item := range slices.Backward(n.items) {
			if item.kind != mapNode {
				return nil, &SyntaxError{Pos: item.pos, Message: "the key << takes mappings only, not " + item.name(), Hint: hint}
			}
			if err := flatten(item); err != nil {
				return nil, err
			}
			pairs = append(pairs, item.pairs...)
		}
		return pairs, nil
	default:
		return nil, &SyntaxError{Pos: n.pos, Message: "the key << takes a mapping or a list of mappings, not " + n.name(), Hint: hint}
	}
}
