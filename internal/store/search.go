package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"coursewright/internal/course"
)

// LikePattern is the pattern of SQL's LIKE, with the escape character \, that
// finds a text anywhere; empty for the empty text.
func LikePattern(text string) string {
	if text = CleanText(text); text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// TooLongToFind says that no field of a course that is searched can contain the
// text. Databases refuse patterns without end.
func TooLongToFind(text string) bool {
	return utf8.RuneCountInString(text) > course.MaxOriginLength
}

// OptionsDigest stands for the options of a build, to compare requests by.
func OptionsDigest(o course.BuildOptions) (string, error) {
	text, err := json.Marshal(o)
	if err != nil { // not reached: texts and booleans always encode
		return "", fmt.Errorf("digest of a build's options: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
