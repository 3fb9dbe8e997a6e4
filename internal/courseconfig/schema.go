package courseconfig

import (
	"encoding/json"
	"fmt"

	"coursewright/internal/course"
)

// SchemaKind names a JSON Schema.
type SchemaKind string

// The schemas there are.
const (
	IndexSchema    SchemaKind = "index"    // index.yaml or index.json
	ExerciseSchema SchemaKind = "exercise" // an exercise configuration
)

// Schema gives a JSON Schema, draft 2020-12. A kind that does not exist is
// course.ErrNotFound.
func Schema(kind SchemaKind) ([]byte, error) {
	var s object
	switch kind {
	case IndexSchema:
		s = newModels("http://localhost").course.schema()
	default:
		return nil, fmt.Errorf("schema %q: %w", kind, course.ErrNotFound)
	}
	return json.MarshalIndent(s, "", "  ")
}
