package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"coursewright/activities"
	"coursewright/internal/aplusauth"
	"coursewright/internal/gitrepo"
	"coursewright/internal/grader"
	"coursewright/internal/lms"
	"coursewright/internal/release"
	"coursewright/internal/remote"
	"coursewright/internal/store/sqlite"
)

func (y *system) openStore(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(y.settings.Database.Path), 0o755); err != nil {
		return fmt.Errorf("folder of the database: %w; choose another with DATABASE_URL", err)
	}
	st, err := sqlite.Open(ctx, sqlite.Options{Path: y.settings.Database.Path, Migrate: true})
	if err != nil {
		return err
	}
	y.store = st
	y.cleanup.add("database", st.Close)
	return nil
}

// openReleases opens the folders of releases that the role has: building needs
// the store alone.
func (y *system) openReleases(context.Context) error {
	c := release.Config{StorePath: y.settings.StorePath, Keep: y.settings.KeepReleases, Log: y.log}
	if y.role.serves {
		c.PublishPath, c.StaticRoot = y.settings.CoursesPath, y.settings.StaticRoot
	}
	var err error
	y.releases, err = release.Open(c)
	return err
}

func (y *system) openGit(context.Context) error {
	var err error
	y.git, err = gitrepo.New(gitrepo.Config{ //nolint:contextcheck // asks git for its version, once
		SSHKeyPath:     y.settings.SSHKeyPath,
		HostKeys:       gitrepo.HostKeyPolicy(y.settings.HostKeyPolicy),
		KnownHostsFile: y.settings.KnownHostsPath,
		AllowLocal:     y.settings.AllowLocalOrigins,
		GitOptions:     y.settings.GitOptions,
	})
	if err != nil {
		return err
	}
	if y.settings.SSHKeyPath == "" {
		return nil
	}
	y.publicKey, err = gitrepo.EnsureKey(y.settings.SSHKeyPath)
	return err
}

// openRemotes prepares the calls to A+ and the graders. Nothing is called yet.
func (y *system) openRemotes(context.Context) error {
	var err error
	if y.tokens, err = newTokens(y.settings.Auth); err != nil {
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
