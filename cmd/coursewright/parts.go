package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"coursewright/activities"
	"coursewright/internal/aplusauth"
	"coursewright/internal/coursediff"
	"coursewright/internal/gitrepo"
	"coursewright/internal/grader"
	"coursewright/internal/lms"
	"coursewright/internal/release"
	"coursewright/internal/remote"
)

// openReleases opens the folders of releases that the role has: building needs
// the store alone.
func (y *system) openReleases(context.Context) error {
	c := release.Config{
		StorePath: y.settings.StorePath, Keep: y.settings.KeepReleases, Log: y.log,
		Previews: y.settings.KeepPreviews, PreviewAge: y.settings.PreviewAge,
		Files: y.settings.CourseFiles, Bytes: y.settings.CourseSize,
	}
	if y.role.serves {
		c.PublishPath, c.StaticRoot = y.settings.CoursesPath, y.settings.StaticRoot
	}
	var err error
	if y.releases, err = release.Open(c); err != nil {
		return fmt.Errorf("folders of releases (STORE_PATH, and COURSES_PATH and STATIC_ROOT where requests are served): %w", err)
	}
	y.diffs, err = coursediff.NewReleases(y.releases)
	return err
}

// openGit prepares the git program. Where the role neither builds nor polls it need
// not be installed: forms say then that they cannot look at origins.
func (y *system) openGit(context.Context) error {
	git, err := gitrepo.New(gitrepo.Config{ //nolint:contextcheck // asks git for its version, once
		SSHKeyPath:     y.settings.SSHKeyPath,
		HostKeys:       gitrepo.HostKeyPolicy(y.settings.HostKeyPolicy),
		KnownHostsFile: y.settings.KnownHostsPath,
		AllowLocal:     y.settings.AllowLocalOrigins,
		Own:            y.ownOrigin(),
		GitOptions:     y.settings.GitOptions,
		Limits:         gitrepo.Limits{Files: y.settings.CourseFiles, Bytes: y.settings.CourseSize},
	})
	switch needed := y.role.builds || y.settings.PollInterval > 0; {
	case err == nil:
		y.git = git
	case needed:
		return err
	default:
		y.log.Warn("origins are not looked at before courses are saved", "error", err)
	}
	return y.openKey()
}

// ownOrigin is the repository of the canary course, empty without one.
func (y *system) ownOrigin() string {
	if y.settings.Watching.CanaryInterval <= 0 {
		return ""
	}
	return filepath.Join(y.settings.StorePath, canaryOrigin)
}

// openKey reads the public half of the ssh key, which pages show. In
// development a missing key is made. Elsewhere several processes use the same
// one: a key that one of them made would be unknown to the others.
func (y *system) openKey() error {
	path := y.settings.SSHKeyPath
	if path == "" {
		return nil
	}
	if !y.role.dev {
		_, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			y.log.Warn("there is no ssh key, so that courses cannot be cloned by ssh; "+
				"make one with `ssh-keygen -t ecdsa -N '' -f SSH_KEY_PATH` and give the same to api and all workers", "path", path)
			return nil
		}
	}
	var err error
	y.publicKey, err = gitrepo.EnsureKey(path)
	return err
}

// openRemotes prepares the calls to A+ and the graders. Nothing is called yet.
func (y *system) openRemotes(context.Context) error {
	var err error
	auth := y.settings.Auth
	if !y.role.serves {
		auth.DisableLoginChecks = true // nobody calls: the keys of callers need not be given
	}
	if y.tokens, err = newTokens(auth); err != nil {
		return fmt.Errorf("settings of A+'s tokens: %w", err)
	}
	calls := &http.Client{Transport: y.tokens.Transport(remote.NewTransport())}
	y.graders = activities.Graders{
		Client:    &grader.Client{HTTP: calls},
		Authorize: authorize,
		Optional:  !y.settings.RequireGraders,
	}
	if y.settings.FrontendURL == "" {
		return nil
	}
	frontend, err := url.Parse(y.settings.FrontendURL)
	if err != nil {
		return fmt.Errorf("setting FRONTEND_URL: %w", err)
	}
	y.lms = &lms.Client{HTTP: calls, FrontendURL: frontend}
	return nil
}

// authorize asks for tokens that may write to one course instance of A+.
func authorize(ctx context.Context, instance int64) context.Context {
	return aplusauth.WithPermissions(ctx, aplusauth.ForInstance(aplusauth.Write, instance))
}
