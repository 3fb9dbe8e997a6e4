package pyvalue

// nodeKind is the form of a node.
type nodeKind uint8

const (
	scalarNode nodeKind = iota
	listNode
	mapNode
)

// node is a value as written, before it is known what its tag makes of it.
// Aliases share the node of their anchor.
type node struct {
	kind   nodeKind
	open   bool // its end has not been read yet
	merged bool // its merge keys have been replaced
	tag    string
	text   string // scalars
	pos    Pos
	items  []*node // lists
	pairs  []pair  // mappings
	size   int     // values in it with every alias followed, itself included; see sizeOf
	height int     // levels of lists and mappings it has, aliases followed
	value  *Value
}

// pair is one key and value of a mapping, as written.
type pair struct{ key, value *node }

// nodeStore is the memory of nodes. It is used again when the values are made.
type nodeStore struct {
	nodes slab[node]
	items slab[*node]
	pairs slab[pair]

	list     []*node // items of the lists that are open
	pairList []pair  // entries of the mappings that are open
}

func (s *nodeStore) reuse() {
	s.nodes.reuse()
	s.items.reuse()
	s.pairs.reuse()
	s.list, s.pairList = emptied(s.list), emptied(s.pairList)
}

// emptied gives a list's memory for another use, unless it is large.
func emptied[T any](list []T) []T {
	if cap(list) > maxReusedList {
		return nil
	}
	clear(list[:cap(list)])
	return list[:0]
}

// name says what the node is, for messages.
func (n *node) name() string {
	switch n.kind {
	case listNode:
		return "a list"
	case mapNode:
		return "a mapping"
	default:
		return "a single value"
	}
}

// The tags that safe_load knows. tagMerge and tagValue mark the keys << and =.
const (
	tagPrefix    = "tag:yaml.org,2002:"
	tagNull      = tagPrefix + "null"
	tagBool      = tagPrefix + "bool"
	tagInt       = tagPrefix + "int"
	tagFloat     = tagPrefix + "float"
	tagBinary    = tagPrefix + "binary"
	tagTimestamp = tagPrefix + "timestamp"
	tagOmap      = tagPrefix + "omap"
	tagPairs     = tagPrefix + "pairs"
	tagSet       = tagPrefix + "set"
	tagStr       = tagPrefix + "str"
	tagSeq       = tagPrefix + "seq"
	tagMap       = tagPrefix + "map"
	tagMerge     = tagPrefix + "merge"
	tagValue     = tagPrefix + "value"
)
