package djtemplate

import (
	"fmt"
)

type argRule int

const (
	argNone argRule = iota
	argOptional
	argRequired
)

// filterDef describes a filter. An onText filter gets its value as text;
// keepsSafe tells that HTML given to it is HTML after it.
type filterDef struct {
	args      argRule
	onText    bool
	shows     bool // writes out lists and mappings
	keepsSafe bool
	run       func(in filterInput) (val, error)
}

// filterInput is what a filter works on; text is the value as text when the
// filter is onText.
type filterInput struct {
	r      *renderer
	value  val
	text   string
	arg    val
	hasArg bool
}

// escaping tells that the result must be escaped to be HTML.
func (in filterInput) escaping() bool { return in.r.escape && !in.value.isSafe() }

func lookupFilter(name string) (filterDef, error) {
	if def, ok := textFilter(name); ok {
		return def, nil
	}
	if def, ok := htmlFilter(name); ok {
		return def, nil
	}
	if def, ok := valueFilter(name); ok {
		return def, nil
	}
	switch name {
	case "pprint", "timesince", "timeuntil", "truncatechars_html", "truncatewords_html", "urlize", "urlizetrunc":
		return filterDef{}, fmt.Errorf("the filter %q is not available in course files; write its result into the file or into template_context", name)
	}
	return filterDef{}, fmt.Errorf("there is no filter %q; check its spelling", shorten(name))
}

// textFilter finds the filters that change text.
func textFilter(name string) (filterDef, bool) {
	def := filterDef{onText: true, keepsSafe: true}
	switch name {
	case "addslashes":
		def.run = onlyText(addSlashes)
	case "capfirst":
		def.run = onlyText(capFirst)
	case "lower":
		def.run = onlyText(lower)
	case "iriencode":
		def.run = onlyText(func(s string) string { return percentEncode(s, "/#%[]=:;$&()+,!?*@'~") })
	case "phone2numeric":
		def.run, def.onText = phoneFilter, false
	case "slugify":
		def.run = onlyText(slugify)
	case "title":
		def.run = onlyText(titleFilter)
	case "upper":
		def.run, def.keepsSafe = onlyText(upper), false
	case "make_list":
		def.run, def.keepsSafe = makeList, false
	case "wordcount":
		def.run, def.keepsSafe = wordCount, false
	case "urlencode":
		def.run, def.keepsSafe, def.args = urlEncode, false, argOptional
	case "cut":
		def.run, def.keepsSafe, def.args = cut, false, argRequired
	case "center":
		def.run, def.args = pad(center), argRequired
	case "ljust":
		def.run, def.args = pad(alignLeft), argRequired
	case "rjust":
		def.run, def.args = pad(alignRight), argRequired
	case "truncatechars":
		def.run, def.args = truncateChars, argRequired
	case "truncatewords":
		def.run, def.args = truncateWords, argRequired
	case "wordwrap":
		def.run, def.args = wordWrap, argRequired
	}
	return def, def.run != nil
}

// htmlFilter finds the filters that make or take away HTML.
func htmlFilter(name string) (filterDef, bool) {
	def := filterDef{onText: true, keepsSafe: true}
	switch name {
	case "escape":
		def.run = func(in filterInput) (val, error) { return safeText(conditionalEscape(in.value)), nil }
	case "force_escape":
		def.run = func(in filterInput) (val, error) { return safeText(escapeHTML(in.text)), nil }
	case "safe":
		def.run = func(in filterInput) (val, error) { return safeText(in.text), nil }
	case "escapejs":
		def.run, def.keepsSafe = escapeJS, false
	case "json_script":
		def = filterDef{run: jsonScript, args: argRequired, shows: true}
	case "linebreaks":
		def.run = lineBreaks
	case "linebreaksbr":
		def.run = lineBreaksBR
	case "linenumbers":
		def.run = lineNumbers
	case "striptags":
		def.run = onlyText(stripTags)
	}
	return def, def.run != nil
}

// valueFilter finds the filters for lists, numbers, dates and any value.
func valueFilter(name string) (filterDef, bool) {
	def := filterDef{}
	switch name {
	case "add":
		def.run, def.args = add, argRequired
	case "date":
		def.run, def.args = dateFilter, argOptional
	case "time":
		def.run, def.args = timeFilter, argOptional
	case "default":
		def.run, def.args = defaultFilter, argRequired
	case "default_if_none":
		def.run, def.args = defaultIfNone, argRequired
	case "dictsort":
		def.run, def.args = dictSort, argRequired
	case "dictsortreversed":
		def.run, def.args = dictSortReversed, argRequired
	case "divisibleby":
		def.run, def.args = divisibleBy, argRequired
	case "filesizeformat":
		def.run, def.keepsSafe = fileSizeFormat, true
	case "first":
		def.run = first
	case "floatformat":
		def.run, def.args, def.keepsSafe, def.shows = floatFormat, argOptional, true, true
	case "get_digit":
		def.run, def.args = getDigit, argRequired
	case "join":
		def.run, def.args, def.keepsSafe, def.shows = join, argRequired, true, true
	case "last":
		def.run, def.keepsSafe = last, true
	case "length":
		def.run = length
	case "length_is":
		def.run, def.args = lengthIs, argRequired
	case "pluralize":
		def.run, def.args = pluralize, argOptional
	case "random":
		def.run, def.keepsSafe = random, true
	case "safeseq":
		def.run, def.keepsSafe, def.shows = safeSeq, true, true
	case "slice":
		def.run, def.args, def.keepsSafe = slice, argRequired, true
	case "stringformat":
		def.run, def.args, def.keepsSafe, def.shows = stringFormat, argRequired, true, true
	case "unordered_list":
		def.run, def.keepsSafe, def.shows = unorderedList, true, true
	case "yesno":
		def.run, def.args = yesNo, argOptional
	}
	return def, def.run != nil
}

// onlyText makes a filter of a function from text to text.
func onlyText(f func(string) string) func(filterInput) (val, error) {
	return func(in filterInput) (val, error) { return text(f(in.text)), nil }
}
