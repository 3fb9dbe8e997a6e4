package build

import (
	"fmt"
	"strings"

	"coursewright/internal/course"
)

// MetaFacts is what apps.meta says about the build.
type MetaFacts struct {
	Present bool    // the file is there and has at least one key
	Image   *string // build_image; nil when the key is missing
	Command *string // build_command; nil when the key is missing
}

// Defaults are the settings DEFAULT_IMAGE and DEFAULT_CMD.
type Defaults struct {
	Image   string
	Command string // empty: the image's own command
}

// Plan is what to run.
type Plan struct {
	Image   string
	Command []string // nil: the image's own command
	None    bool     // there is nothing to run
	Why     string   // one line for the log: where image and command come from
}

// NewPlan decides on image and command. apps.meta beats BuildCommand unless
// BuildImage is given, which sets apps.meta aside; DEFAULT_CMD serves only
// courses whose apps.meta names no image. A command that cannot be split is a
// *course.AuthorError, except the default one, which is the administrator's.
func NewPlan(meta MetaFacts, o course.BuildOptions, d Defaults) (Plan, error) {
	image, imageFrom := chooseImage(meta, o, d)
	if image == "" {
		return Plan{None: true, Why: fmt.Sprintf("nothing to build: the image of %s is empty", imageFrom)}, nil
	}
	text, commandFrom := chooseCommand(meta, o, d)
	words, err := Split(text)
	if err != nil {
		if commandFrom == fromDefaultCommand {
			return Plan{}, fmt.Errorf("%s %q: %w", commandFrom, text, err)
		}
		return Plan{}, course.Authorf("%s is not a command: %v in %q", commandFrom, err, text)
	}
	p := Plan{Image: image, Command: words}
	if len(words) == 0 {
		p.Why = fmt.Sprintf("image %s (%s), the image's own command", image, imageFrom)
		return p, nil
	}
	p.Why = fmt.Sprintf("image %s (%s), command %s (%s)", image, imageFrom, Quote(words), commandFrom)
	return p, nil
}

// Where an image or command comes from, as messages name it.
const (
	fromOptionImage    = "build option build_image"
	fromOptionCommand  = "build option build_command"
	fromMetaImage      = "build_image in apps.meta"
	fromMetaCommand    = "build_command in apps.meta"
	fromDefaultImage   = "setting DEFAULT_IMAGE"
	fromDefaultCommand = "setting DEFAULT_CMD"
)

func chooseImage(meta MetaFacts, o course.BuildOptions, d Defaults) (image, from string) {
	switch {
	case o.BuildImage != "":
		image, from = o.BuildImage, fromOptionImage
	case meta.Present && meta.Image != nil:
		image, from = *meta.Image, fromMetaImage
	default:
		image, from = d.Image, fromDefaultImage
	}
	return strings.TrimSpace(image), from
}

// chooseCommand follows gitmanager's order; an empty text means the image's own
// command.
func chooseCommand(meta MetaFacts, o course.BuildOptions, d Defaults) (command, from string) {
	switch {
	case o.BuildImage != "":
		return o.BuildCommand, fromOptionCommand
	case meta.Present && meta.Command != nil:
		return *meta.Command, fromMetaCommand
	case o.BuildCommand != "":
		return o.BuildCommand, fromOptionCommand
	case meta.Present && meta.Image == nil:
		return d.Command, fromDefaultCommand
	}
	return "", ""
}
