package djtemplate

import (
	"fmt"
	"slices"
	"strings"
)

// compileFunc turns a block tag, whose token has just been taken, into a node.
type compileFunc func(p *parser, t token) (node, error)

func lookupTag(name string) (compileFunc, error) {
	switch name {
	case "autoescape":
		return compileAutoescape, nil
	case "block":
		return compileBlock, nil
	case "comment":
		return compileComment, nil
	case "cycle":
		return compileCycle, nil
	case "filter":
		return compileFilter, nil
	case "firstof":
		return compileFirstOf, nil
	case "for":
		return compileFor, nil
	case "if":
		return compileIf, nil
	case "ifequal", "ifnotequal":
		return compileIfEqual, nil
	case "ifchanged":
		return compileIfChanged, nil
	case "now":
		return compileNow, nil
	case "regroup":
		return compileRegroup, nil
	case "resetcycle":
		return compileResetCycle, nil
	case "spaceless":
		return compileSpaceless, nil
	case "templatetag":
		return compileTemplateTag, nil
	case "verbatim":
		return compileVerbatim, nil
	case "widthratio":
		return compileWidthRatio, nil
	case "with":
		return compileWith, nil
	}
	return nil, unknownTag(name)
}

func unknownTag(name string) error {
	switch name {
	case "load", "include", "extends", "url", "static", "trans", "translate", "blocktrans", "blocktranslate", "csrf_token", "debug", "lorem":
		return fmt.Errorf("the tag {%% %s %%} is not available in course files; write the text out or pass it in template_context", name)
	}
	if strings.HasPrefix(name, "end") || name == "else" || name == "elif" || name == "empty" {
		return fmt.Errorf("{%% %s %%} has no tag that it belongs to; remove it or add the opening tag before it", name)
	}
	return fmt.Errorf("there is no tag {%% %s %%}; check its spelling", name)
}

func compileAutoescape(p *parser, t token) (node, error) {
	args := strings.FieldsFunc(t.contents, isSpace)
	if len(args) != 2 || (args[1] != "on" && args[1] != "off") {
		return nil, fmt.Errorf("autoescape is written {%% autoescape on %%} or {%% autoescape off %%}")
	}
	body, err := p.body("endautoescape")
	return &autoescapeNode{on: args[1] == "on", body: body}, err
}

func compileBlock(p *parser, t token) (node, error) {
	words := strings.FieldsFunc(t.contents, isSpace)
	if len(words) != 2 {
		return nil, fmt.Errorf("block is written {%% block name %%}")
	}
	if p.blocks[words[1]] {
		return nil, fmt.Errorf("the block %q appears twice; give each block its own name", words[1])
	}
	p.blocks[words[1]] = true
	nodes, err := p.parse("endblock")
	if err != nil {
		return nil, err
	}
	if end := p.next(); end.contents != "endblock" && end.contents != "endblock "+words[1] {
		return nil, atPlace(end.at, fmt.Errorf("{%% %s %%} does not close {%% %s %%}", shorten(end.contents), shorten(t.contents)))
	}
	return scopeNode{nodes}, nil
}

func compileComment(p *parser, _ token) (node, error) {
	return nil, p.skipPast("endcomment")
}

func compileFilter(p *parser, t token) (node, error) {
	rest := strings.TrimLeftFunc(t.contents[len("filter"):], isSpace)
	if rest == "" {
		return nil, fmt.Errorf("filter is written {%% filter name %%}, with the filters to apply")
	}
	e, err := parseExpression("var|" + rest)
	if err != nil {
		return nil, err
	}
	for _, f := range e.filters {
		if f.name == "escape" || f.name == "safe" {
			return nil, fmt.Errorf("{%% filter %s %%} is not permitted; use {%% autoescape %%}", f.name)
		}
	}
	body, err := p.body("endfilter")
	return &filterNode{expr: e, body: body}, err
}

func compileFirstOf(_ *parser, t token) (node, error) {
	words, name := asName(splitWords(t.contents)[1:])
	if len(words) == 0 {
		return nil, fmt.Errorf("firstof needs at least one variable: {%% firstof a b %%}")
	}
	exprs, err := expressions(words)
	return &firstOfNode{exprs: exprs, name: name}, err
}

// asName splits off a closing "as name".
func asName(words []string) ([]string, string) {
	if n := len(words); n >= 2 && words[n-2] == "as" {
		return words[:n-2], words[n-1]
	}
	return words, ""
}

func compileNow(_ *parser, t token) (node, error) {
	words := splitWords(t.contents)
	name := ""
	if len(words) == 4 {
		words, name = asName(words)
	}
	if len(words) != 2 {
		return nil, fmt.Errorf("now takes one format: {%% now \"Y-m-d\" %%}")
	}
	format := []rune(words[1])
	if len(format) < 2 {
		return &nowNode{name: name}, nil
	}
	return &nowNode{format: string(format[1 : len(format)-1]), name: name}, nil
}

func compileSpaceless(p *parser, _ token) (node, error) {
	body, err := p.body("endspaceless")
	return &spacelessNode{body}, err
}

func compileTemplateTag(_ *parser, t token) (node, error) {
	words := strings.FieldsFunc(t.contents, isSpace)
	signs := []string{
		"openblock", "{%", "closeblock", "%}", "openvariable", "{{", "closevariable", "}}",
		"openbrace", "{", "closebrace", "}", "opencomment", "{#", "closecomment", "#}",
	}
	if len(words) == 2 {
		if i := slices.Index(signs, words[1]); i >= 0 && i%2 == 0 {
			return textNode(signs[i+1]), nil
		}
	}
	return nil, fmt.Errorf("templatetag takes one of openblock, closeblock, openvariable, closevariable, openbrace, closebrace, opencomment, closecomment")
}

func compileVerbatim(p *parser, _ token) (node, error) {
	body, err := p.body("endverbatim")
	return plainNode{body}, err
}

func compileWidthRatio(_ *parser, t token) (node, error) {
	words := splitWords(t.contents)
	name := ""
	if len(words) == 6 {
		words, name = asName(words)
	}
	if len(words) != 4 {
		return nil, fmt.Errorf("widthratio takes three values: {%% widthratio value maximum width %%}")
	}
	exprs, err := expressions(words[1:])
	return &widthRatioNode{exprs: exprs, name: name}, err
}

func compileWith(p *parser, t token) (node, error) {
	names, exprs, rest, err := assignments(splitWords(t.contents)[1:])
	if err != nil {
		return nil, err
	}
	if len(names) == 0 || len(rest) > 0 {
		return nil, fmt.Errorf("with is written {%% with name=value other=value %%}; there is no meaning in %q", shorten(strings.Join(rest, " ")))
	}
	body, err := p.body("endwith")
	return &withNode{names: names, exprs: exprs, body: body}, err
}

// assignments reads "a=b c=d", or the older "b as a and d as c", from the start
// of words, and returns what follows.
func assignments(words []string) (names []string, exprs []*expression, rest []string, err error) {
	first := true
	newStyle := false
	for len(words) > 0 {
		name, value, ok := splitAssignment(words[0])
		if first {
			newStyle, first = ok, false
		}
		used := 1
		if !newStyle {
			if len(words) < 3 || words[1] != "as" {
				return names, exprs, words, nil
			}
			name, value, used = words[2], words[0], 3
		} else if !ok {
			return names, exprs, words, nil
		}
		e, err := parseExpression(value)
		if err != nil {
			return nil, nil, nil, err
		}
		names, exprs, words = append(names, name), append(exprs, e), words[used:]
		if !newStyle && len(words) > 0 {
			if words[0] != "and" {
				break
			}
			words = words[1:]
		}
	}
	return names, exprs, words, nil
}

func splitAssignment(word string) (string, string, bool) {
	n := wordLen(word, false)
	if n == 0 || n+1 >= len(word) || word[n] != '=' {
		return "", "", false
	}
	return word[:n], word[n+1:], true
}
