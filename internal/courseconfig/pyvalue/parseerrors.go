package pyvalue

import "fmt"

// badBlock is the error of a token that stands where the list or mapping that
// started at start should go on or end.
func (p *parser) badBlock(t token, start mark, what string) *SyntaxError {
	switch {
	case !p.isFirst(t.start):
		return p.fail(t.start, t.name()+" stands behind a value that has already ended",
			"Put the whole text in quotes; inside single quotes an apostrophe is written twice.")
	case t.start.col != start.col:
		return p.fail(t.start, fmt.Sprintf("the indentation fits nothing above: this line starts in column %d, the %s around it (line %d) in column %d",
			t.start.col+1, what, start.line+1, start.col+1),
			"Start all entries of a list or mapping in the same column.")
	default:
		return p.fail(t.start, fmt.Sprintf("found %s inside the %s that starts in line %d", t.name(), what, start.line+1),
			"A list has only lines with '-', a mapping only lines with 'key:'; indent what belongs to the line above.")
	}
}

// badFlow is the error of a token that follows an item in brackets.
func (p *parser) badFlow(t token) *SyntaxError {
	if t.kind == tokenEnd {
		return p.unclosed()
	}
	start := p.brackets[len(p.brackets)-1]
	return p.fail(t.start, fmt.Sprintf("found %s where a comma or the bracket that closes %s of line %d, column %d is expected",
		t.name(), charName(p.text[start.index]), start.line+1, start.col+1),
		"Add the comma or the bracket; a text with , [ ] { } or ': ' inside brackets needs quotes.")
}

// unclosed is the error of a file that ends inside brackets.
func (p *parser) unclosed() *SyntaxError {
	start := p.brackets[len(p.brackets)-1]
	return p.fail(start, fmt.Sprintf("the bracket %s that opens here is never closed", charName(p.text[start.index])), "Add the closing bracket.")
}

// noNode is the error of a token that cannot start a value.
func (p *parser) noNode(t token) *SyntaxError {
	if t.kind == tokenEnd && len(p.brackets) > 0 {
		return p.unclosed()
	}
	return p.fail(t.start, fmt.Sprintf("a value is expected here; found %s", t.name()),
		"Check the indentation and the brackets; texts with special characters need quotes.")
}

// name says what a token is, for messages.
func (t token) name() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the file"
	case tokenDirective:
		return "a directive (%)"
	case tokenDocumentStart:
		return `"---"`
	case tokenDocumentEnd:
		return `"..."`
	case tokenBlockList, tokenDash:
		return "a list item (-)"
	case tokenBlockMap, tokenKey:
		return "a key"
	case tokenBlockEnd:
		return "the end of an indented block"
	case tokenFlowList:
		return `"["`
	case tokenFlowListEnd:
		return `"]"`
	case tokenFlowMap:
		return `"{"`
	case tokenFlowMapEnd:
		return `"}"`
	case tokenComma:
		return "a comma"
	case tokenColon:
		return "a ':'"
	case tokenAlias:
		return "the alias *" + t.text
	case tokenAnchor:
		return "the anchor &" + t.text
	case tokenTag:
		return "a tag (!)"
	case tokenScalar:
		return "the text " + quoted(t.text)
	default:
		return "something else"
	}
}
