package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"coursewright/client"
)

// Variables that say how commands reach the REST API.
const (
	urlVariable   = "COURSEWRIGHT_URL"
	tokenVariable = "COURSEWRIGHT_TOKEN"
)

// localService is where dev listens, which asks for no token.
const localService = "http://127.0.0.1:8070"

// restClient says which service the commands ask.
type restClient struct {
	server string // scheme and host, perhaps a path
	token  string // empty: none is sent
}

// addFlags adds the flags of every command that asks the REST API.
func (c *restClient) addFlags(f *pflag.FlagSet) {
	f.StringVar(&c.server, "server", "", "address of the service (default "+urlVariable+", the file coursewright/cli.yaml in the user's configuration, or for those without a token "+localService+", where dev listens)")
	f.StringVar(&c.token, "token", "", "token to show; other users of this machine can see flags, so better set "+tokenVariable)
}

// cliFile is the user's file that says which service commands ask.
type cliFile struct {
	URL   string `yaml:"url"`
	Token string `yaml:"token"`
}

// readCLIFile reads the user's file; the zero value when there is none.
func readCLIFile() (cliFile, error) {
	var out cliFile
	dir, err := os.UserConfigDir()
	if err != nil {
		return out, nil //nolint:nilerr // a user without a home has no file
	}
	path := filepath.Join(dir, "coursewright", "cli.yaml")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return out, err
	}
	if err := yaml.Unmarshal(text, &out); err != nil {
		return out, fmt.Errorf("%s: %w; give url and token", path, err)
	}
	if out.Token != "" && info.Mode().Perm()&0o077 != 0 {
		return out, fmt.Errorf("%s has a token that other users can read; say chmod 600 %s", path, path)
	}
	return out, nil
}

// reach says where the service is and which token to show. Flags come before
// variables, and these before the file. The file's token is shown to the file's
// service only, and none to this machine's by guess: anybody here may listen
// there.
func (c *restClient) reach() (server, token string, err error) {
	server, token = c.server, c.token
	if server == "" {
		server = os.Getenv(urlVariable)
	}
	if token == "" {
		token = os.Getenv(tokenVariable)
	}
	if server == "" {
		file, err := readCLIFile()
		if err != nil {
			return "", "", err
		}
		if server = file.URL; server != "" && token == "" {
			token = file.Token
		}
	}
	switch {
	case server != "":
		return server, token, nil
	case token != "":
		return "", "", fmt.Errorf("there is a token, but not which service it is for; say that with --server or %s", urlVariable)
	}
	return localService, "", nil
}

// open makes the client.
func (c *restClient) open() (*client.Client, error) {
	server, token, err := c.reach()
	if err != nil {
		return nil, err
	}
	made, err := client.New(client.Options{URL: server, Token: token})
	if err != nil {
		return nil, fmt.Errorf("%w with --server or %s", err, urlVariable)
	}
	return made, nil
}

// explainRest adds to an error what the user of a command can do about it.
func explainRest(err error) error {
	var refused *client.Error
	var unreached *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w; make a token with coursewright token, and set %s", err, tokenVariable)
	case errors.As(err, &unreached), errors.Is(err, client.ErrForeign):
		return fmt.Errorf("%w; say with --server or %s where the service is", err, urlVariable)
	}
	return err
}
