package courseconfig

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig/pyvalue"
)

// metaFile is the file of build settings in the course folder.
const metaFile = "apps.meta"

// Meta holds what apps.meta says. A nil field was not given.
type Meta struct {
	// Given tells that the file has at least one key. A course whose file is
	// missing or empty is built with the default image and without a command.
	Given           bool
	GraderConfig    *string // folder of the index, relative to the course
	BuildImage      *string
	BuildCommand    *string
	ExcludePatterns *string // patterns that cleaning keeps, separated as in a shell
}

// ReadMeta reads apps.meta of a course folder. A course without the file gives
// the zero Meta. The diagnostics tell what is wrong with the file; the error,
// that the folder cannot be opened or the disk does not read.
func ReadMeta(dir string) (Meta, []course.Diagnostic, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Meta{}, nil, err
	}
	defer root.Close() //nolint:errcheck // only read
	c, f := &checker{}, &folder{root: root}
	meta := c.meta(f)
	return meta, c.errors, f.trouble
}

func (c *checker) meta(f *folder) Meta {
	if _, err := f.stat(metaFile); errors.Is(err, fs.ErrNotExist) {
		return Meta{}
	}
	data, _, err := f.read(metaFile)
	if err != nil {
		c.addError(course.Diagnostic{File: metaFile, Message: err.Error()})
		return Meta{}
	}
	if !utf8.Valid(data) {
		c.addError(course.Diagnostic{File: metaFile, Message: "the file is not UTF-8 text", Hint: "save it as UTF-8"})
		return Meta{}
	}
	m, at := parseMeta(string(data))
	if m.GraderConfig != nil {
		if _, inside := within("", *m.GraderConfig); !inside {
			c.addError(course.Diagnostic{
				File: metaFile, Line: at.Line, Column: at.Column, Path: "grader_config",
				Message: "found the folder " + quote(*m.GraderConfig) + ", which is outside the course; allowed is a path below the course folder",
				Hint:    "name a folder of the course, without a leading slash",
			})
		}
	}
	return m
}

// parseMeta reads lines of key = value; others count as comments. The last line
// of a key wins. It also gives the place of the value of grader_config.
func parseMeta(text string) (m Meta, graderConfig pyvalue.Pos) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		m.Given = true
		value = strings.TrimFunc(value, pyvalue.IsSpace)
		switch strings.TrimFunc(key, pyvalue.IsSpace) {
		case "grader_config":
			m.GraderConfig = &value
			before, _, _ := strings.Cut(line, value)
			graderConfig = pyvalue.Pos{Line: number, Column: utf8.RuneCountInString(before) + 1}
		case "build_image":
			m.BuildImage = &value
		case "build_command":
			m.BuildCommand = &value
		case "exclude_patterns":
			m.ExcludePatterns = &value
		}
	}
	return m, graderConfig
}
