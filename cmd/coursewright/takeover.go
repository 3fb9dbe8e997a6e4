package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"coursewright/internal/courseconfig"
	"coursewright/internal/gmimport"
	"coursewright/internal/release"
	"coursewright/internal/settings"
	"coursewright/internal/store"
)

// takeoverOptions are the flags of import-gitmanager.
type takeoverOptions struct {
	from    string // gitmanager's database
	courses string // its COURSES_PATH; empty: no published releases are taken
	store   string // its STORE_PATH; empty: no stored releases are taken
	sshKey  string // its SSH key; empty: none is taken
	source  string
	dryRun  bool
	json    bool
}

// newImportCommand makes the command that takes courses over from gitmanager.
func newImportCommand() *cobra.Command {
	var o takeoverOptions
	var load roleOptions
	cmd := &cobra.Command{
		Use:   "import-gitmanager --from DATABASE",
		Short: "Take courses over from gitmanager",
		Long: "Take courses, their webhook secrets, updates and logs, releases and the SSH key over from\n" +
			"gitmanager, whose database and files are not changed. It can be run again and then takes\n" +
			"what is new; what has changed here since stays and is told. It ends with status 1 when\n" +
			"something could not be taken. See docs/migration.md.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, _, err := load.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			report, err := importGitmanager(cmd.Context(), s, o)
			if report == nil {
				return err
			}
			if err := errors.Join(err, report.print(cmd.OutOrStdout(), o.json)); err != nil {
				return err
			}
			if report.Totals.Problems > 0 {
				return errReported
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "gitmanager's database: an SQLite file or postgres://user:password@host/name")
	f.StringVar(&o.courses, "from-courses", "", "gitmanager's COURSES_PATH; without it no published course is taken")
	f.StringVar(&o.store, "from-store", "", "gitmanager's STORE_PATH; without it no course that was built and not published is taken")
	f.StringVar(&o.sshKey, "from-ssh-key", "", "gitmanager's private SSH key, to be copied to SSH_KEY_PATH")
	f.StringVar(&o.source, "source", "gitmanager", "name of the gitmanager, when several are taken over")
	f.BoolVar(&o.dryRun, "dry-run", false, "only tell what would be done")
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	f.StringVar(&load.config, "config", "", "YAML file with settings (default: the one that COURSEWRIGHT_CONFIG names)")
	load.settings = addSettingFlags(f, nil)
	if err := cmd.MarkFlagRequired("from"); err != nil {
		panic(err) // only when the flag above is missing
	}
	return cmd
}

// importer takes courses over.
type importer struct {
	takeoverOptions
	settings settings.Settings
	from     *gmimport.Source
	store    store.Store
	depot    *release.Depot // nil when no releases are taken
	now      time.Time
	report   *takeoverReport
}

// importGitmanager takes everything over. The report is nil when nothing was
// begun; together with an error it tells what was done before.
func importGitmanager(ctx context.Context, s settings.Settings, o takeoverOptions) (_ *takeoverReport, err error) {
	i := &importer{takeoverOptions: o, settings: s, now: time.Now().UTC(), report: newTakeoverReport(o)}
	if err := i.openFolders(); err != nil {
		return nil, err
	}
	if i.from, err = gmimport.Open(ctx, o.from); err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, i.from.Close()) }()
	if i.store, err = openDatabase(ctx, s, "import", false); err != nil {
		return nil, fmt.Errorf("%w (setting DATABASE_URL)", err)
	}
	defer func() { err = errors.Join(err, i.store.Close()) }()
	courses, err := i.from.Courses(ctx)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	defer i.report.count()
	remotes := map[int64]string{}
	for _, c := range courses {
		if err := i.course(ctx, c, remotes); err != nil {
			return i.report, fmt.Errorf("course %s: %w", c.Key, err)
		}
	}
	i.report.SSHKey = i.takeKey()
	return i.report, nil
}

// openFolders opens the folders of releases. They must not be gitmanager's own:
// the way back would be lost.
func (i *importer) openFolders() error {
	if i.courses == "" && i.takeoverOptions.store == "" {
		return nil
	}
	s := i.settings
	if s.StorePath == "" || s.CoursesPath == "" {
		return errors.New("settings STORE_PATH and COURSES_PATH are needed to take releases; or leave --from-courses and --from-store out")
	}
	for _, theirs := range []struct{ flag, path string }{{"--from-courses", i.courses}, {"--from-store", i.takeoverOptions.store}} {
		if theirs.path == "" {
			continue
		}
		real, err := realFolder(theirs.path)
		if err != nil {
			return fmt.Errorf("%s: %w", theirs.flag, err)
		}
		for _, ours := range []struct{ name, path string }{{"STORE_PATH", s.StorePath}, {"COURSES_PATH", s.CoursesPath}} {
			own, err := realFolder(ours.path)
			if err != nil {
				return fmt.Errorf("setting %s: %w", ours.name, err)
			}
			if own == real || strings.HasPrefix(own, real+"/") || strings.HasPrefix(real, own+"/") {
				return fmt.Errorf("setting %s is in gitmanager's own folder %s; give Coursewright folders of its own, best on the same file system, so that gitmanager's stay as they are", ours.name, theirs.path)
			}
		}
	}
	if err := i.checkLinks(); err != nil {
		return err
	}
	var err error
	i.depot, err = release.Open(release.Config{StorePath: s.StorePath, PublishPath: s.CoursesPath, StaticRoot: s.StaticRoot, Keep: s.KeepReleases, Files: s.CourseFiles, Bytes: s.CourseSize})
	if err != nil {
		return fmt.Errorf("folders of releases (STORE_PATH, COURSES_PATH, STATIC_ROOT): %w", err)
	}
	return nil
}

// checkLinks refuses a static root that is gitmanager's: its links lead into
// gitmanager's courses.
func (i *importer) checkLinks() error {
	if i.courses == "" || i.settings.StaticRoot == "" {
		return nil
	}
	links, err := filepath.Glob(filepath.Join(i.settings.StaticRoot, "*"))
	if err != nil {
		return fmt.Errorf("setting STATIC_ROOT: %w", err)
	}
	theirs, err := filepath.Abs(i.courses)
	if err != nil {
		return err
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, theirs+"/") {
			return fmt.Errorf("setting STATIC_ROOT is gitmanager's own folder, since its link %s leads to %s; give Coursewright one of its own", filepath.Base(link), to)
		}
	}
	return nil
}

func realFolder(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(full)
}

// configOf is what the settings say about a course.
func (i *importer) configOf(key string) courseconfig.Settings {
	s := i.settings
	return courseconfig.Settings{
		Key: key, StaticURL: s.StaticURL, StaticContentHost: s.StaticContentHost,
		DefaultGraderURL: s.DefaultGraderURL, PersonalizedContentDir: s.PersonalizedDir,
	}
}

// takeKey copies gitmanager's SSH key.
func (i *importer) takeKey() keyReport {
	from, to := i.sshKey, i.settings.SSHKeyPath
	if from == "" {
		return keyReport{State: "not asked for"}
	}
	failed := func(err error) keyReport { return keyReport{State: stateFailed, Problem: err.Error()} }
	if to == "" {
		return failed(errors.New("setting SSH_KEY_PATH is missing: it says where the key is kept"))
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return failed(err)
	}
	if _, err := ssh.ParseRawPrivateKey(text); err != nil {
		return failed(fmt.Errorf("%s is no private key without a password: %w", from, err))
	}
	switch have, err := os.ReadFile(to); {
	case err == nil && string(have) == string(text):
		return keyReport{State: stateSame}
	case err == nil:
		return failed(fmt.Errorf("%s is another key already; it is left as it is", to))
	case !errors.Is(err, os.ErrNotExist):
		return failed(err)
	case i.dryRun:
		return keyReport{State: stateNew}
	}
	if err := copyKey(from, to, text); err != nil {
		return failed(err)
	}
	return keyReport{State: stateNew}
}

// copyKey writes the private half last and in one step: with it the key is
// there.
func copyKey(from, to string, private []byte) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	public, err := os.ReadFile(from + ".pub")
	if err == nil {
		err = os.WriteFile(to+".pub", public, 0o644) //nolint:gosec // the public half
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".key-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(private)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
