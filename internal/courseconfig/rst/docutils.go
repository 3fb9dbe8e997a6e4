package rst

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Bounds of one run of docutils.
const (
	docutilsTime   = 20 * time.Second
	docutilsOutput = 16 << 20 // bytes
)

// ErrNoDocutils tells that this machine has no Python with docutils.
var ErrNoDocutils = errors.New("python3 with docutils is not installed")

// docutilsProgram reads the text from standard input and writes the fragment.
// It opens no file: inclusion is off and no configuration is read. Raw HTML
// passes, as in HTML.
const docutilsProgram = `
import sys
from docutils.core import publish_parts
settings = {
    "file_insertion_enabled": False,
    "raw_enabled": True,
    "halt_level": 5,
    "report_level": 2,
    "warning_stream": False,
    "auto_id_prefix": "id",
    "_disable_config": True,
}
source = sys.stdin.buffer.read().decode("utf-8", "replace")
parts = publish_parts(source, writer_name="html4css1", settings_overrides=settings)
sys.stdout.buffer.write(parts["fragment"].encode("utf-8"))
`

// Docutils runs the docutils of this machine.
type Docutils struct {
	python  string
	version string
}

// FindDocutils looks for python3 with docutils on the search path; the error is
// ErrNoDocutils when there is none.
func FindDocutils(ctx context.Context) (*Docutils, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, ErrNoDocutils
	}
	d := &Docutils{python: python}
	out, err := d.run(ctx, "import docutils; print(docutils.__version__)", "")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDocutils, err)
	}
	d.version = strings.TrimSpace(out)
	return d, nil
}

// Version is docutils' own version, such as "0.19".
func (d *Docutils) Version() string { return d.version }

// HTML converts source as the function HTML does. Texts above MaxSource bytes,
// runs longer than 20 seconds and results above 16 MiB are errors.
func (d *Docutils) HTML(ctx context.Context, source string) (string, error) {
	if len(source) > MaxSource {
		return "", fmt.Errorf("convert reStructuredText: %d bytes are more than the limit of %d", len(source), MaxSource)
	}
	out, err := d.run(ctx, docutilsProgram, source)
	if err != nil {
		return "", fmt.Errorf("convert reStructuredText: %w", err)
	}
	return out, nil
}

// run gives program to an isolated Python without environment, with nothing
// but standard input and output.
func (d *Docutils) run(ctx context.Context, program, input string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, docutilsTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.python, "-I", "-c", program)
	cmd.Env = []string{"LC_ALL=C.UTF-8"}
	cmd.Dir = os.TempDir()
	cmd.Stdin = strings.NewReader(input)
	cmd.WaitDelay = time.Second
	var out, problems bytes.Buffer
	cmd.Stdout = &limitedWriter{w: &out, left: docutilsOutput}
	cmd.Stderr = &limitedWriter{w: &problems, left: 4 << 10, quiet: true}
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("docutils did not finish: %w", ctx.Err())
	case err != nil:
		return "", fmt.Errorf("docutils: %w: %s", err, lastLine(problems.String()))
	}
	return out.String(), nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

var errTooMuch = errors.New("the output is too large")

// limitedWriter takes so many bytes; more are an error, or dropped if quiet.
type limitedWriter struct {
	w     io.Writer
	left  int
	quiet bool
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > l.left && !l.quiet {
		return 0, errTooMuch
	}
	n := min(len(p), l.left)
	l.left -= n
	if _, err := l.w.Write(p[:n]); err != nil {
		return 0, fmt.Errorf("keep output: %w", err)
	}
	return len(p), nil
}
