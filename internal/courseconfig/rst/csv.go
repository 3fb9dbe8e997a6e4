package rst

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// csvDialect tells how values are separated, as Python's csv module does.
type csvDialect struct {
	delim, quote, escape rune // escape is 0 where there is none
	doubled              bool // two quotes in a quoted value are one
	skipSpace            bool // before a value
}

// csvDialect reads the options of a table.
func (c *call) csvDialect() csvDialect {
	_, keep := c.option("keepspace")
	d := csvDialect{delim: ',', quote: '"', doubled: true, skipSpace: !keep}
	if v := c.options["delim"]; v != "" {
		d.delim, _ = utf8.DecodeRuneInString(v)
	}
	if v := c.options["quote"]; v != "" {
		d.quote, _ = utf8.DecodeRuneInString(v)
	}
	if v := c.options["escape"]; v != "" {
		d.doubled = false
		d.escape, _ = utf8.DecodeRuneInString(v)
	}
	return d
}

// csvReader goes through the text of a table.
type csvReader struct {
	csvDialect
	text []rune // ends with a line feed
	i    int
	line int
}

// read splits lines into rows of cells and counts the columns; a quoted cell
// may go on over lines. The text is a problem, in Python's words.
func (d csvDialect) read(b block) ([][]*cell, int, string) {
	r := &csvReader{csvDialect: d, text: []rune(b.text() + "\n"), line: b.first}
	var rows [][]*cell
	var row []*cell
	columns := 0
	for r.i < len(r.text) {
		start := r.line
		value, given, problem := r.value()
		if problem != "" {
			return nil, 0, problem
		}
		ends := r.i >= len(r.text) || r.text[r.i] == '\n'
		if len(row) > 0 || given || !ends {
			row = append(row, &cell{content: block{lines: strings.Split(value, "\n"), first: start}})
		}
		if ends {
			rows = append(rows, row)
			columns = max(columns, len(row))
			row = nil
			r.line++
		}
		r.i++
	}
	return rows, columns, ""
}

// value reads up to a delimiter or the end of the line; given tells whether
// there was anything.
func (r *csvReader) value() (value string, given bool, problem string) {
	for r.skipSpace && r.text[r.i] == ' ' {
		r.i++
	}
	var out []rune
	if r.text[r.i] == r.quote {
		given = true
		if out, problem = r.quoted(); problem != "" {
			return "", true, problem
		}
	}
	for r.i < len(r.text) && r.text[r.i] != r.delim && r.text[r.i] != '\n' {
		given = true
		out = r.take(out)
	}
	return string(out), given, ""
}

// take moves one character, or an escaped one, to out.
func (r *csvReader) take(out []rune) []rune {
	if r.escape != 0 && r.text[r.i] == r.escape && r.i+1 < len(r.text) {
		r.i++
	}
	if r.text[r.i] == '\n' {
		r.line++
	}
	r.i++
	return append(out, r.text[r.i-1])
}

// quoted reads a value in quotes.
func (r *csvReader) quoted() ([]rune, string) {
	var out []rune
	for r.i++; r.i < len(r.text); {
		switch {
		case r.text[r.i] != r.quote:
			out = r.take(out)
		case r.doubled && r.i+1 < len(r.text) && r.text[r.i+1] == r.quote:
			out = append(out, r.quote)
			r.i += 2
		default:
			r.i++
			if r.doubled && r.i < len(r.text) && r.text[r.i] != r.delim && r.text[r.i] != '\n' {
				return nil, fmt.Sprintf("'%c' expected after '%c'", r.delim, r.quote)
			}
			return out, ""
		}
	}
	return nil, "unexpected end of data"
}
