package pyvalue

// nodeKind is the form of a node.
type nodeKind int

const (
	scalarNode nodeKind = iota
	listNode
	mapNode
)

// node is a value as written, before it is known what its tag makes of it.
// Aliases share the node of their anchor.
type node struct {
	kind  nodeKind
	tag   string
	text  string // scalars
	pos   Pos
	items []*node // lists
	pairs []pair  // mappings

	open   bool // its end has not been read yet
	size   int  // values in it with every alias followed, itself included
	height int  // levels of lists and mappings it has, aliases followed
	merged bool // its merge keys have been replaced
	value  *Value
}

// pair is one key and value of a mapping, as written.
type pair struct{ key, value *node }

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
