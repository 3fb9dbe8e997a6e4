package pyvalue

// Reader reads files one after another and uses its working memory again. The
// zero value is ready; it serves one goroutine at a time.
type Reader struct {
	values values
	text   []rune
	queue  []token
	nodes  nodeStore
}

// What is larger than these is not kept for the next file: characters, and
// parts of lists that have to be cleared.
const (
	maxReusedText = 1 << 16
	maxReusedList = 1 << 8
)

// ReadYAML reads the only document of a YAML file as PyYAML's safe_load does.
// name is put into errors and values. An empty file gives Null. Every error is
// a *SyntaxError; values that contain themselves and what exceeds the limits
// are errors, too.
func ReadYAML(name string, data []byte, l Limits) (*Value, error) {
	return new(Reader).ReadYAML(name, data, l)
}

// ReadYAML is as the function ReadYAML.
func (r *Reader) ReadYAML(name string, data []byte, l Limits) (*Value, error) {
	l = l.withDefaults()
	if err := l.checkSize(name, data); err != nil {
		return nil, err
	}
	v, err := r.readYAML(name, data, l)
	if err != nil {
		err.File = name
		return nil, err
	}
	return v, nil
}

func (r *Reader) readYAML(name string, data []byte, l Limits) (*Value, *SyntaxError) {
	src, err := newSource(data, r.text)
	if err != nil {
		return nil, err
	}
	scan := newScanner(src, r.queue)
	defer r.reuse(scan)
	p := &parser{scanner: scan, limits: l, store: &r.nodes, anchors: map[string]*node{}}
	root, err := p.parseDocument()
	if err != nil {
		return nil, err
	}
	if root == nil {
		return &Value{Kind: Null, File: name, Pos: Pos{Line: 1, Column: 1}}, nil
	}
	c := &constructor{file: name, values: &r.values, queue: r.nodes.list[:0]}
	return c.construct(root)
}

// reuse keeps the working memory of a file for the next one, unless it is
// large.
func (r *Reader) reuse(s *scanner) {
	r.text = nil
	if cap(s.text) <= maxReusedText {
		r.text = s.text
	}
	r.queue = emptied(s.queue)
	r.nodes.reuse()
}
