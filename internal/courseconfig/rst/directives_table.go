package rst

import (
	"fmt"
	"strconv"
	"strings"
)

// title reads the argument of a table directive.
func (c *call) title() (*node, []*node) {
	if len(c.args) == 0 {
		return nil, nil
	}
	nodes, messages := c.inline(c.args[0])
	return newNode("title", nodes...), messages
}

// finish gives a table its title, classes and other options.
func (c *call) finish(table, title *node, messages []*node) []*node {
	table.classes = append(table.classes, strings.Fields(c.options["class"])...)
	for _, o := range []string{"align", "width"} {
		if v, ok := c.option(o); ok {
			table.set(o, v)
		}
	}
	c.named(table)
	if title != nil {
		table.insert(0, title)
	}
	return append([]*node{table}, messages...)
}

func tableDirective(c *call) []*node {
	if len(c.content.lines) == 0 {
		return c.fail(levelWarning, fmt.Sprintf("Content block expected for the \"%s\" directive; none found.", c.name))
	}
	title, messages := c.title()
	holder := c.inside(newNode("holder"))
	if len(holder.kids) != 1 || !holder.kids[0].is("table") {
		return c.fail(levelError, fmt.Sprintf("Error parsing content block for the \"%s\" directive: exactly one table expected.", c.name))
	}
	table := holder.kids[0]
	switch widths := c.options["widths"]; widths {
	case "", "grid":
		if widths == "grid" {
			table.classes = append(table.classes, "colwidths-grid")
		}
	case "auto":
		table.classes = append(table.classes, "colwidths-auto")
	default:
		list := strings.Fields(widths)
		specs := table.all("colspec")
		if len(list) != len(specs) {
			return c.widthsProblem(len(specs))
		}
		table.classes = append(table.classes, "colwidths-given")
		for i, spec := range specs {
			spec.set("colwidth", list[i])
		}
	}
	return c.finish(table, title, messages)
}

func (c *call) widthsProblem(columns int) []*node {
	return c.fail(levelError, fmt.Sprintf("\"%s\" widths do not match the number of columns in table (%d).", c.name, columns))
}

// rowsTable builds the table of a list or of comma-separated values.
func (c *call) rowsTable(rows [][]*cell, title *node, messages []*node) []*node {
	headers, _ := strconv.Atoi(c.options["header-rows"])
	stubs, _ := strconv.Atoi(c.options["stub-columns"])
	columns := 0
	for _, r := range rows {
		columns = max(columns, len(r))
	}
	switch {
	case len(rows) < headers:
		return c.fail(levelError, fmt.Sprintf("%d header row(s) specified but only %d row(s) of data supplied (\"%s\" directive).", headers, len(rows), c.name))
	case len(rows) == headers && headers > 0:
		return c.fail(levelError, fmt.Sprintf("Insufficient data supplied (%d row(s)); no data remaining for table body, required by \"%s\" directive.", len(rows), c.name))
	case columns < stubs:
		return c.fail(levelError, fmt.Sprintf("%d stub column(s) specified but only %d columns(s) of data supplied (\"%s\" directive).", stubs, columns, c.name))
	case columns == stubs && stubs > 0:
		return c.fail(levelError, fmt.Sprintf("Insufficient data supplied (%d columns(s)); no data remaining for table body, required by \"%s\" directive.", columns, c.name))
	}
	data := tableData{head: rows[:headers], body: rows[headers:]}
	kind := ""
	switch widths := c.options["widths"]; widths {
	case "", "auto", "grid":
		for range columns {
			data.widths = append(data.widths, 100/columns)
		}
		if widths == "auto" {
			kind = "auto"
		}
	default:
		for _, w := range strings.Fields(widths) {
			n, err := strconv.Atoi(w)
			if err != nil {
				return c.widthsProblem(columns)
			}
			data.widths = append(data.widths, n)
		}
		if len(data.widths) != columns {
			return c.widthsProblem(columns)
		}
		kind = "given"
	}
	return c.finish(c.s.buildTable(data, stubs, kind), title, messages)
}

// listTable makes a table of a list of lists.
func listTable(c *call) []*node {
	if len(c.content.lines) == 0 {
		return c.fail(levelError, fmt.Sprintf("The \"%s\" directive is empty; content required.", c.name))
	}
	title, messages := c.title()
	holder := c.inside(newNode("holder"))
	problem := ""
	columns := -1
	if len(holder.kids) != 1 || !holder.kids[0].is("bullet_list") {
		problem = "exactly one bullet list expected."
	} else {
		for i, item := range holder.kids[0].kids {
			if len(item.kids) != 1 || !item.kids[0].is("bullet_list") {
				problem = fmt.Sprintf("two-level bullet list expected, but row %d does not contain a second-level bullet list.", i+1)
				break
			}
			n := len(item.kids[0].kids)
			if columns >= 0 && n != columns {
				problem = fmt.Sprintf("uniform two-level bullet list expected, but row %d does not contain the same number of items as row 1 (%d vs %d).", i+1, n, columns)
				break
			}
			columns = n
		}
	}
	if problem != "" {
		return c.fail(levelError, fmt.Sprintf("Error parsing content block for the \"%s\" directive: %s", c.name, problem))
	}
	var rows [][]*cell
	for range holder.kids[0].kids {
		row := make([]*cell, columns)
		for i := range row {
			row[i] = &cell{}
		}
		rows = append(rows, row)
	}
	out := c.rowsTable(rows, title, messages)
	if len(out) > 0 && out[0].is("table") {
		entries := out[0].all("entry")
		for i, item := range holder.kids[0].kids {
			for j, it := range item.kids[0].kids {
				entries[i*columns+j].add(it.kids...)
			}
		}
	}
	return out
}

// csvTable makes a table of comma-separated values.
func csvTable(c *call) []*node {
	_, file := c.option("file")
	_, url := c.option("url")
	if file || url {
		return c.fail(levelWarning, fmt.Sprintf("File and URL access deactivated; ignoring \"%s\" directive.", c.name))
	}
	if len(c.content.lines) == 0 {
		return c.fail(levelWarning, fmt.Sprintf("The \"%s\" directive requires content; none supplied.", c.name))
	}
	title, messages := c.title()
	dialect := c.csvDialect()
	rows, columns, problem := dialect.read(c.content)
	if header, ok := c.option("header"); ok && problem == "" {
		var head [][]*cell
		n := 0
		escaped := csvDialect{delim: ',', quote: '"', escape: '\\', skipSpace: true}
		head, n, problem = escaped.read(block{lines: strings.Split(header, "\n"), first: c.line})
		rows, columns = append(head, rows...), max(columns, n)
		n, _ = strconv.Atoi(c.options["header-rows"])
		c.options["header-rows"] = strconv.Itoa(n + len(head))
	}
	if problem != "" {
		return c.fail(levelError, fmt.Sprintf("Error with CSV data in \"%s\" directive:\n%s", c.name, problem))
	}
	for i, r := range rows {
		for len(r) < columns {
			r = append(r, &cell{})
		}
		rows[i] = r
	}
	return c.rowsTable(rows, title, messages)
}
