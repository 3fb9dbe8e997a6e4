package courseconfig

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"coursewright/internal/courseconfig/pyvalue"
)

// folder reads the files of one course and remembers which.
type folder struct {
	guesses int // searches for files that may have been meant
	root    *os.Root
	found   func(size int)         // is told the size of every file that is read, once; may be nil
	sizes   map[string]bool        // files that found was told of
	stats   map[string]examination // of paths
	trouble error                  // the first of the service, which says nothing about the course
}

// note keeps an error of the system that no course can bring about or mend.
func (f *folder) note(err error) {
	var number syscall.Errno
	if f.trouble != nil || !errors.As(err, &number) {
		return
	}
	if slices.Contains([]syscall.Errno{
		syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS, syscall.ESTALE, syscall.ETIMEDOUT,
	}, number) {
		f.trouble = fmt.Errorf("read the course: %w", err)
	}
}

// examination is what stat has found out.
type examination struct {
	info fs.FileInfo
	err  error
}

// maxFileSize bounds one configuration file, in bytes.
const maxFileSize = 8 << 20

// errOutside tells a path that leaves the course.
var errOutside = errors.New("outside the course")

// within joins a path to a folder of the course, both relative to the course,
// and says whether the result stays in the course.
func within(dir, name string) (string, bool) {
	joined := path.Join(dir, name)
	if strings.HasPrefix(name, "/") || joined == ".." || strings.HasPrefix(joined, "../") {
		return "", false
	}
	return joined, true
}

// fromRoot reads a leading slash as the course folder.
func fromRoot(dir, name string) (string, bool) {
	if strings.HasPrefix(name, "/") {
		return within("", strings.TrimLeft(name, "/"))
	}
	return within(dir, name)
}

// isFile says whether name is a regular file, links inside the course followed.
// A path that leads out of the course is errOutside.
func (f *folder) isFile(name string) (bool, error) {
	info, err := f.stat(name)
	return err == nil && info.Mode().IsRegular(), err
}

// isOutside recognises a path that leaves the course.
func isOutside(err error) bool { return errors.Is(err, errOutside) }

// stat examines a file or folder. What is missing is fs.ErrNotExist, what leads
// out of the course is errOutside.
// Each path is looked at once.
func (f *folder) stat(name string) (fs.FileInfo, error) {
	if known, ok := f.stats[name]; ok {
		return known.info, known.err
	}
	info, err := f.root.Stat(name)
	f.note(err)
	if err != nil && escapes(err) {
		info, err = nil, fmt.Errorf("%s: %w", name, errOutside)
	}
	if f.stats == nil {
		f.stats = map[string]examination{}
	}
	f.stats[name] = examination{info, err}
	return info, err
}

// escapes recognises the refusal of os.Root, which has no name of its own.
func escapes(err error) bool {
	var pathError *fs.PathError
	return errors.As(err, &pathError) && strings.Contains(pathError.Err.Error(), "escapes")
}

// content is what stands in a configuration file.
type content struct {
	file     string // relative to the course
	data     []byte
	modified time.Time
}

// readNamed reads the file that a path without or with extension means. Mostly
// the path is that of the file itself, which is then opened at once; only
// otherwise what is there has to be examined.
func (f *folder) readNamed(name string) (content, error) {
	if ext := path.Ext(name); ext == ".json" || ext == ".yaml" {
		if data, modified, err := f.read(name); err == nil {
			return content{name, data, modified}, nil
		}
	}
	file, err := f.find(name)
	if err != nil {
		return content{}, plainError(name, err)
	}
	data, modified, err := f.read(file)
	return content{file, data, modified}, err
}

// find gives the file that a path without or with extension means.
func (f *folder) find(name string) (string, error) {
	if ext := path.Ext(name); ext == ".json" || ext == ".yaml" {
		if ok, err := f.isFile(name); ok || errors.Is(err, errOutside) {
			return name, err
		}
	}
	var there []string
	for _, ext := range []string{".json", ".yaml"} {
		ok, err := f.isFile(name + ext)
		if errors.Is(err, errOutside) {
			return "", err
		}
		if ok {
			there = append(there, name+ext)
		}
	}
	switch len(there) {
	case 0:
		text := fmt.Sprintf("there is no file %s, %s or %s", quote(name), quote(name+".json"), quote(name+".yaml"))
		if ext := path.Ext(name); ext == ".json" || ext == ".yaml" {
			text = "there is no file " + quote(name)
		}
		return "", &missingFile{text: text, hint: f.fileHint(name)}
	case 1:
		return there[0], nil
	}
	return "", fmt.Errorf("there are both %s and %s; remove one or name the one you mean", quote(there[0]), quote(there[1]))
}

// missingFile tells that there is no file of a name, and perhaps which was meant.
type missingFile struct{ text, hint string }

func (e *missingFile) Error() string { return e.text }

// Bounds of the search for files that may have been meant.
const (
	maxFileGuesses   = 50
	maxFolderEntries = 500
)

// fileHint says which file may have been meant by one that is missing.
func (f *folder) fileHint(name string) string {
	stem := strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml")
	if ok, _ := f.isFile(stem + ".yml"); ok {
		return "the extension .yml is not read; rename the file to " + path.Base(stem) + ".yaml"
	}
	if hint := f.otherHint(name); hint != "" {
		return hint
	}
	if f.guesses++; f.guesses > maxFileGuesses {
		return ""
	}
	// Without O_NONBLOCK opening a pipe would wait.
	dir, err := f.root.OpenFile(path.Dir(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer dir.Close() //nolint:errcheck // only read
	list, err := dir.ReadDir(maxFolderEntries)
	if err != nil || len(list) == maxFolderEntries {
		return "" // of more entries it is chance which come first
	}
	names := make([]string, 0, len(list))
	for _, entry := range list {
		names = append(names, entry.Name())
	}
	slices.Sort(names) // the order of a folder varies
	if near := nearest(path.Base(name), names); near != "" {
		return "did you mean " + path.Join(path.Dir(name), near) + "?"
	}
	return ""
}

// otherHint says what a name is that is there, though not as a configuration file.
func (f *folder) otherHint(name string) string {
	info, err := f.stat(name)
	if err != nil {
		if link, err := f.root.Lstat(name); err == nil && link.Mode()&fs.ModeSymlink != 0 {
			return "it is a symbolic link that leads to no file; mend the link, or put the file in its place"
		}
		return ""
	}
	switch {
	case info.IsDir():
		return "it is a folder; name a file in it"
	case !info.Mode().IsRegular():
		return "it is a pipe, a socket or a device; put a file in its place"
	}
	return "a configuration file ends in .yaml or .json; rename the file"
}

// read gives the content and the time of a regular file.
func (f *folder) read(name string) ([]byte, time.Time, error) {
	data, modified, err := f.readRegular(name)
	f.note(err)
	return data, modified, err
}

func (f *folder) readRegular(name string) ([]byte, time.Time, error) {
	// Without O_NONBLOCK opening a pipe would wait for a writer.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, time.Time{}, plainError(name, err)
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, time.Time{}, plainError(name, err)
	case !info.Mode().IsRegular():
		return nil, time.Time{}, fmt.Errorf("%s is not a regular file", quote(name))
	case info.Size() > maxFileSize:
		return nil, time.Time{}, fmt.Errorf("%s has more than %d bytes; split it or leave out what is not configuration", quote(name), maxFileSize)
	}
	data := make([]byte, info.Size())
	n, err := io.ReadFull(file, data)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, time.Time{}, plainError(name, err)
	}
	if f.found != nil && !f.sizes[name] {
		if f.sizes == nil {
			f.sizes = map[string]bool{}
		}
		f.sizes[name] = true
		f.found(n)
	}
	return data[:n], info.ModTime(), nil
}

// plainError leaves the server's own paths out of a message.
func plainError(name string, err error) error {
	var pathError *fs.PathError
	switch {
	case errors.Is(err, errOutside) || escapes(err):
		return fmt.Errorf("%s leads out of the course, which is not allowed: %w", quote(name), errOutside)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s", quote(name))
	case errors.As(err, &pathError):
		return fmt.Errorf("%s cannot be read: %w", quote(name), pathError.Err)
	}
	return err
}

// parse reads a configuration file by its extension.
func (l *loader) parse(name string, data []byte) (*pyvalue.Value, error) {
	return l.parseWithin(name, data, pyvalue.Limits{})
}

func (l *loader) parseWithin(name string, data []byte, limits pyvalue.Limits) (*pyvalue.Value, error) {
	if path.Ext(name) == ".json" {
		return pyvalue.ReadJSON(name, data, limits)
	}
	return l.reader.ReadYAML(name, data, limits)
}
