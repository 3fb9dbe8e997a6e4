package rst

import "strconv"

// The levels of messages that show; docutils keeps quieter ones to itself.
const (
	levelWarning = 2
	levelError   = 3
	levelSevere  = 4
)

// maxMessages bounds the messages of one text.
const maxMessages = 500

// message makes the visible note of a problem. It is nil when there are too
// many already, so callers add it with addMessages.
func (p *parser) message(level, line int, text string, more ...*node) *node {
	p.messages++
	if p.messages > maxMessages {
		return nil
	}
	if p.messages == maxMessages {
		text += " (More problems were found; they are not shown.)"
	}
	kinds := map[int]string{levelWarning: "WARNING", levelError: "ERROR", levelSevere: "SEVERE"}
	m := newNode("system_message", newNode("paragraph", textNode(text)))
	m.add(more...)
	m.set("type", kinds[level]).set("level", strconv.Itoa(level))
	if line > 0 {
		m.set("line", strconv.Itoa(line))
	}
	return m
}

// addMessages adds the messages that there are.
func (n *node) addMessages(messages ...*node) {
	for _, m := range messages {
		if m != nil {
			n.add(m)
		}
	}
}

// literal shows source text as it is.
func literal(s string) *node { return newNode("literal_block", textNode(s)) }

// problematic marks the text that a message is about; both link to each other.
// Without a message it is plain text.
func (p *parser) problematic(source string, message *node) *node {
	if message == nil {
		return textNode(source)
	}
	prb := newNode("problematic", textNode(source))
	prb.raw = source
	prb.set("refid", p.doc.giveID(message))
	message.back = append(message.back, p.doc.giveID(prb))
	return prb
}
