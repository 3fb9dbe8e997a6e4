package pyvalue

// parseCollection reads the content of a list or mapping that the present
// token, of the given kind, starts.
func (p *parser) parseCollection(n *node, kind tokenKind) *SyntaxError {
	p.depth++
	if p.depth > p.limits.MaxDepth {
		return p.limits.tooDeep(n.pos)
	}
	if err := p.count(n); err != nil {
		return err
	}
	n.height = 1
	var start token
	if kind != tokenDash {
		var err *SyntaxError
		if start, err = p.nextToken(); err != nil {
			return err
		}
	}
	items, pairs := len(p.store.list), len(p.store.pairList)
	var err *SyntaxError
	switch kind {
	case tokenBlockList:
		err = p.parseBlockList(n, start.start)
	case tokenDash:
		err = p.parseBareList(n)
	case tokenBlockMap:
		err = p.parseBlockMap(n, start.start)
	default:
		err = p.parseFlow(n, start.start)
	}
	p.depth--
	n.open = false
	n.items = p.store.items.keep(&p.store.list, items)
	n.pairs = p.store.pairs.keep(&p.store.pairList, pairs)
	return err
}

// add puts an item into the innermost open list, n.
func (p *parser) add(n, item *node) {
	p.store.list = append(p.store.list, item)
	n.grow(item)
}

// addPair puts an entry into the innermost open mapping, n.
func (p *parser) addPair(n, key, value *node) {
	p.store.pairList = append(p.store.pairList, pair{key, value})
	n.grow(key)
	n.grow(value)
}

func (n *node) grow(child *node) {
	n.size += child.size
	n.height = max(n.height, child.height+1)
}

// parseBlockList reads the items of an indented list.
func (p *parser) parseBlockList(n *node, start mark) *SyntaxError {
	for {
		dash, ok, err := p.take(tokenDash)
		if err != nil {
			return err
		}
		if !ok {
			return p.endBlock(start, "list")
		}
		item, err := p.parseOptional(anywhere, dash.end, tokenDash, tokenBlockEnd)
		if err != nil {
			return err
		}
		p.add(n, item)
	}
}

// parseBareList reads the items of a list at the indentation of its key.
func (p *parser) parseBareList(n *node) *SyntaxError {
	for {
		dash, ok, err := p.take(tokenDash)
		if err != nil || !ok {
			return err
		}
		item, err := p.parseOptional(anywhere, dash.end, tokenDash, tokenKey, tokenColon, tokenBlockEnd)
		if err != nil {
			return err
		}
		p.add(n, item)
	}
}

// parseBlockMap reads the entries of an indented mapping.
func (p *parser) parseBlockMap(n *node, start mark) *SyntaxError {
	for {
		sign, ok, err := p.take(tokenKey)
		if err != nil {
			return err
		}
		if !ok {
			return p.endBlock(start, "mapping")
		}
		key, err := p.parseOptional(inEntry, sign.end, tokenKey, tokenColon, tokenBlockEnd)
		if err != nil {
			return err
		}
		value, err := p.parseMapValue(inEntry, tokenKey, tokenColon, tokenBlockEnd)
		if err != nil {
			return err
		}
		p.addPair(n, key, value)
	}
}

// parseMapValue reads ':' and the value; without ':' the value is empty.
func (p *parser) parseMapValue(c context, stops ...tokenKind) (*node, *SyntaxError) {
	colon, ok, err := p.take(tokenColon)
	if err != nil {
		return nil, err
	}
	if !ok {
		return p.emptyNode(colon.start)
	}
	return p.parseOptional(c, colon.end, stops...)
}

// endBlock takes the end of a block collection.
func (p *parser) endBlock(start mark, what string) *SyntaxError {
	t, ok, err := p.take(tokenBlockEnd)
	if err != nil || ok {
		return err
	}
	return p.badBlock(t, start, what)
}

// parseFlow reads what stands in brackets.
func (p *parser) parseFlow(n *node, start mark) *SyntaxError {
	p.brackets = append(p.brackets, start)
	var err *SyntaxError
	if n.kind == listNode {
		err = p.parseFlowList(n)
	} else {
		err = p.parseFlowMap(n)
	}
	p.brackets = p.brackets[:len(p.brackets)-1]
	return err
}

// parseFlowList reads the items of [a, b]. An item "key: value" is a mapping
// of its own.
func (p *parser) parseFlowList(n *node) *SyntaxError {
	for first := true; ; first = false {
		end, err := p.startFlowItem(first, tokenFlowListEnd)
		if err != nil || end {
			return err
		}
		item, err := p.parseFlowListItem()
		if err != nil {
			return err
		}
		p.add(n, item)
	}
}

// startFlowItem takes the comma before an item, or the closing bracket.
func (p *parser) startFlowItem(first bool, closing tokenKind) (bool, *SyntaxError) {
	if _, end, err := p.take(closing); err != nil || end {
		return end, err
	}
	if first {
		return false, nil
	}
	t, comma, err := p.take(tokenComma)
	if err != nil {
		return false, err
	}
	if !comma {
		return false, p.badFlow(t)
	}
	_, end, err := p.take(closing)
	return end, err
}

func (p *parser) parseFlowListItem() (*node, *SyntaxError) {
	sign, isKey, err := p.take(tokenKey)
	if err != nil {
		return nil, err
	}
	if !isKey {
		return p.parseNode(anywhere)
	}
	n := p.node(mapNode, tagMap, sign.start)
	n.height = 1
	if err := p.count(n); err != nil {
		return nil, err
	}
	p.depth++
	key, err := p.parseOptional(anywhere, sign.end, tokenColon, tokenComma, tokenFlowListEnd)
	if err != nil {
		return nil, err
	}
	value, err := p.parseMapValue(anywhere, tokenComma, tokenFlowListEnd)
	if err != nil {
		return nil, err
	}
	p.depth--
	n.pairs = p.store.pairs.take(1)
	n.pairs[0] = pair{key, value}
	n.grow(key)
	n.grow(value)
	return n, nil
}

// parseFlowMap reads the entries of {a: b, c}.
func (p *parser) parseFlowMap(n *node) *SyntaxError {
	for first := true; ; first = false {
		end, err := p.startFlowItem(first, tokenFlowMapEnd)
		if err != nil || end {
			return err
		}
		var key, value *node
		sign, isKey, err := p.take(tokenKey)
		if err != nil {
			return err
		}
		if isKey {
			key, err = p.parseOptional(anywhere, sign.end, tokenColon, tokenComma, tokenFlowMapEnd)
			if err == nil {
				value, err = p.parseMapValue(anywhere, tokenComma, tokenFlowMapEnd)
			}
		} else {
			key, err = p.parseNode(anywhere)
			if err == nil {
				value, err = p.emptyHere()
			}
		}
		if err != nil {
			return err
		}
		p.addPair(n, key, value)
	}
}

// emptyHere makes the empty value of a key without ':'.
func (p *parser) emptyHere() (*node, *SyntaxError) {
	t, err := p.peekToken()
	if err != nil {
		return nil, err
	}
	return p.emptyNode(t.start)
}
