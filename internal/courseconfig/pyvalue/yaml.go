package pyvalue

// ReadYAML reads the only document of a YAML file as PyYAML's safe_load does.
// name is put into errors and values. An empty file gives Null. Every error is
// a *SyntaxError; values that contain themselves and what exceeds the limits
// are errors, too.
func ReadYAML(name string, data []byte, l Limits) (*Value, error) {
	l = l.withDefaults()
	if err := l.checkSize(name, data); err != nil {
		return nil, err
	}
	v, err := readYAML(name, data, l)
	if err != nil {
		err.File = name
		return nil, err
	}
	return v, nil
}

func readYAML(name string, data []byte, l Limits) (*Value, *SyntaxError) {
	src, err := newSource(data)
	if err != nil {
		return nil, err
	}
	p := &parser{scanner: newScanner(src), limits: l, anchors: map[string]*node{}}
	root, err := p.parseDocument()
	if err != nil {
		return nil, err
	}
	if root == nil {
		return &Value{Kind: Null, File: name, Pos: Pos{Line: 1, Column: 1}}, nil
	}
	c := &constructor{file: name}
	return c.construct(root)
}
