package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// Defaults of Config.
const (
	DefaultKeep       = 5
	DefaultPreviews   = 5
	DefaultPreviewAge = 14 * 24 * time.Hour
	DefaultGrace      = time.Minute
	DefaultGarbageAge = time.Hour
	DefaultStagingAge = 24 * time.Hour
	DefaultFiles      = 500_000
	DefaultBytes      = 20 << 30
)

// Config tells which folders a process has. A build worker has the store; the
// process that publishes has the store and the publish folder.
type Config struct {
	StorePath   string           // staged and stored releases, and the pool; empty: this process has none
	PublishPath string           // published releases; empty: this process has none
	StaticRoot  string           // links to public files, needs PublishPath; empty: no links are made
	Keep        int              // published releases kept per course, at least 1; 0 means DefaultKeep
	Previews    int              // previews kept per course, at least 1; 0 means DefaultPreviews
	PreviewAge  time.Duration    // previews older than this are removed; 0 means DefaultPreviewAge
	Grace       time.Duration    // a release stays this long after it was replaced, for requests under way; 0 means DefaultGrace
	GarbageAge  time.Duration    // pool files that nothing uses for this long are removed; 0 means DefaultGarbageAge
	StagingAge  time.Duration    // staging this old is abandoned, so longer than any build; 0 means DefaultStagingAge
	Files       int              // in a course folder at most; 0 means DefaultFiles
	Bytes       int64            // of a release at most, counting each file's length; 0 means DefaultBytes
	Workers     int              // goroutines that read and link files; 0 means one per processor
	Now         func() time.Time // nil means time.Now
	Log         *slog.Logger     // nil: nothing is logged
}

// Depot is the release folders as one process sees them. Its methods are safe
// for concurrent use, also by several processes on the same folders.
type Depot struct {
	store, publish, static string
	keep, previews         int
	previewAge             time.Duration
	grace                  time.Duration
	garbageAge, stagingAge time.Duration
	files                  int
	bytes                  int64
	workers                int
	now                    func() time.Time
	log                    *slog.Logger
	disk                   disk
	descriptions           *descriptions
}

// Open makes the folders that are missing and checks them: store and publish
// must be different folders between which rename(2) works, otherwise the error
// says what to change.
func Open(cfg Config) (*Depot, error) { return open(cfg, disk{}) }

func open(cfg Config, k disk) (*Depot, error) {
	d := &Depot{
		disk: k,
		keep: cfg.Keep, previews: cfg.Previews, previewAge: cfg.PreviewAge, grace: cfg.Grace, garbageAge: cfg.GarbageAge, stagingAge: cfg.StagingAge,
		files: cfg.Files, bytes: cfg.Bytes, workers: cfg.Workers, now: cfg.Now, log: cfg.Log,
	}
	d.setDefaults()
	var err error
	if d.descriptions, err = newDescriptions(&d.disk); err != nil {
		return nil, err
	}
	if cfg.StorePath == "" && cfg.PublishPath == "" {
		return nil, fmt.Errorf("neither a store nor a publish folder is configured; set at least one: %w", course.ErrInvalid)
	}
	if cfg.StaticRoot != "" && cfg.PublishPath == "" {
		return nil, fmt.Errorf("a static root needs a publish folder, since its links lead there; set both or neither: %w", course.ErrInvalid)
	}
	for _, p := range []struct {
		to   *string
		from string
	}{{&d.store, cfg.StorePath}, {&d.publish, cfg.PublishPath}, {&d.static, cfg.StaticRoot}} {
		if p.from == "" {
			continue
		}
		abs, err := filepath.Abs(p.from)
		if err != nil {
			return nil, fmt.Errorf("folder %s: %w", p.from, err)
		}
		*p.to = abs
	}
	if err := d.distinct(); err != nil {
		return nil, err
	}
	if err := d.makeFolders(); err != nil {
		return nil, err
	}
	return d, d.probeRename()
}

func (d *Depot) setDefaults() {
	if d.keep <= 0 {
		d.keep = DefaultKeep
	}
	if d.previews <= 0 {
		d.previews = DefaultPreviews
	}
	if d.previewAge <= 0 {
		d.previewAge = DefaultPreviewAge
	}
	if d.grace <= 0 {
		d.grace = DefaultGrace
	}
	if d.garbageAge <= 0 {
		d.garbageAge = DefaultGarbageAge
	}
	if d.stagingAge <= 0 {
		d.stagingAge = DefaultStagingAge
	}
	if d.files <= 0 {
		d.files = DefaultFiles
	}
	if d.bytes <= 0 {
		d.bytes = DefaultBytes
	}
	if d.workers <= 0 {
		d.workers = runtime.GOMAXPROCS(0)
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
}

func (d *Depot) distinct() error {
	seen := map[string]string{}
	for _, p := range []struct{ role, path string }{{"store", d.store}, {"publish", d.publish}, {"static", d.static}} {
		if p.path == "" {
			continue
		}
		if other, taken := seen[p.path]; taken {
			return fmt.Errorf("%s and %s folder are the same (%s); give each a folder of its own: %w", other, p.role, p.path, course.ErrInvalid)
		}
		seen[p.path] = p.role
	}
	return nil
}

func (d *Depot) makeFolders() error {
	var all []string
	if d.store != "" {
		for _, name := range []string{objectsName, stagingName, previewsName, trashName, locksName} {
			all = append(all, filepath.Join(d.store, name))
		}
	}
	if d.publish != "" {
		for _, name := range []string{releasesName, trashName, locksName} {
			all = append(all, filepath.Join(d.publish, name))
		}
	}
	if d.static != "" {
		all = append(all, d.static)
	}
	for _, dir := range all {
		if err := d.disk.mkdirAll(dir); err != nil {
			return fmt.Errorf("folder for releases: %w", err)
		}
	}
	return nil
}

// restoreFolders makes the service's own folders again when an administrator
// has removed the pool, or the whole store, under the running service.
func (d *Depot) restoreFolders() error {
	for _, name := range []string{objectsName, stagingName, previewsName, trashName, locksName} {
		_, err := d.disk.lstat(filepath.Join(d.store, name))
		if errors.Is(err, fs.ErrNotExist) {
			return d.makeFolders()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// probeRename moves an empty folder from store to publish. Comparing device
// numbers would not do: two mounts of one file system have the same number and
// still refuse a rename.
func (d *Depot) probeRename() error {
	if d.store == "" || d.publish == "" {
		return nil
	}
	name := tempPrefix + course.NewVersion()
	from, to := filepath.Join(d.store, stagingName, name), filepath.Join(d.publish, releasesName, name)
	if err := d.disk.mkdir(from); err != nil {
		return fmt.Errorf("store folder cannot be written: %w", err)
	}
	err := d.disk.rename(from, to)
	if err == nil {
		return d.disk.remove(to)
	}
	if rmErr := d.disk.remove(from); rmErr != nil {
		return errors.Join(err, rmErr)
	}
	if errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("the store folder %s and the publish folder %s are on different file systems or mounts; "+
			"a release is published by renaming it from one to the other, so put both below one mount: %w", d.store, d.publish, course.ErrInvalid)
	}
	return fmt.Errorf("publish folder cannot be written: %w", err)
}

func (d *Depot) needStore() error {
	if d.store == "" {
		return fmt.Errorf("this process has no store folder: %w", course.ErrInvalid)
	}
	return nil
}

func (d *Depot) needPublish() error {
	if d.publish == "" {
		return fmt.Errorf("this process has no publish folder: %w", course.ErrInvalid)
	}
	return nil
}

// lockStore holds a course's part of the store until the returned function is
// called. Whoever needs both locks takes the publish lock first.
func (d *Depot) lockStore(ctx context.Context, key string) (func(), error) {
	return d.disk.lock(ctx, filepath.Join(d.store, locksName, key))
}

// lockPublish holds a course's part of the publish folder.
func (d *Depot) lockPublish(ctx context.Context, key string) (func(), error) {
	return d.disk.lock(ctx, filepath.Join(d.publish, locksName, key))
}
