package docker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"

	"coursewright/internal/course"
)

// provide makes sure that the engine has the image.
func (j *job) provide(ctx context.Context) error {
	name := j.request.Image
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return course.Authorf("%q is not the name of an image (%v): correct build_image in apps.meta, or the image that the build asks for", name, err)
	}
	if j.options.Pull == PullAlways {
		return j.pull(ctx, ref)
	}
	_, err = j.api.ImageInspect(ctx, name)
	switch {
	case err == nil:
		return nil
	case !errdefs.IsNotFound(err):
		return fmt.Errorf("look for image %s: %w", name, err)
	case j.options.Pull == PullNever:
		return course.Authorf("image %s is not on the build host, and the host does not fetch images (BUILD_PULL is never): name another image, or ask the administrator to add it", name)
	}
	return j.pull(ctx, ref)
}

// pull fetches the image and tells its steps in the log.
func (j *job) pull(ctx context.Context, ref reference.Named) error {
	login, err := j.options.login(ref)
	if err != nil {
		return err
	}
	if err := j.output.printf("Fetching image %s.\n", reference.FamiliarString(ref)); err != nil {
		return err
	}
	auth, err := login.encoded()
	if err != nil {
		return err
	}
	progress, err := j.api.ImagePull(ctx, ref.String(), client.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return pullError(j.request.Image, login, err)
	}
	defer progress.Close() //nolint:errcheck // it was read to its end
	told := map[string]bool{}
	for message, err := range progress.JSONMessages(ctx) {
		switch {
		case err != nil:
			return fmt.Errorf("fetch image %s: %w", j.request.Image, login.masked(err))
		case message.Error != nil:
			return pullError(j.request.Image, login, message.Error)
		}
		line := progressLine(message)
		if line == "" || told[line] {
			continue
		}
		told[line] = true
		if err := j.output.printf("%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// progressLine is what a log tells of the engine's message: the steps of each
// layer, but not every moved byte.
func progressLine(m jsonstream.Message) string {
	switch {
	case m.Status == "":
		return ""
	case m.ID == "":
		return m.Status
	}
	return m.ID + ": " + m.Status
}

// pullError tells the authors' mistakes, a name or a missing login, from
// trouble of registry and network.
func pullError(image string, used login, err error) error {
	refused := errdefs.IsNotFound(err) || errdefs.IsUnauthorized(err) || errdefs.IsPermissionDenied(err) || errdefs.IsInvalidArgument(err)
	// An error in the stream of progress has no status of its own.
	for _, words := range []string{"manifest unknown", "not found", "pull access denied", "unauthorized", "no basic auth credentials", "no matching manifest", "denied:"} {
		refused = refused || strings.Contains(strings.ToLower(err.Error()), words)
	}
	err = used.masked(err)
	if refused {
		return course.Authorf("image %s cannot be fetched: %v. Check its name and tag (build_image in apps.meta); an image that needs a login needs one of the administrator (BUILD_REGISTRY_LOGINS)", image, err)
	}
	return fmt.Errorf("fetch image %s: %w", image, err)
}

// dockerHub is the name under which config.json keeps logins to docker.io.
const dockerHub = "https://index.docker.io/v1/"

// login is a login to a registry, empty for none.
type login struct{ registry.AuthConfig }

// encoded gives it in the form that the engine takes.
func (l login) encoded() (string, error) {
	if l == (login{}) {
		return "", nil
	}
	return authconfig.Encode(l.AuthConfig)
}

// masked takes the login out of what the engine tells: it repeats what registries
// answer, and one in trouble may answer with all that it was sent.
func (l login) masked(err error) error {
	text := err.Error()
	secrets := []string{l.IdentityToken, l.RegistryToken}
	if l.Password != "" {
		secrets = append(secrets, l.Password, base64.StdEncoding.EncodeToString([]byte(l.Username+":"+l.Password)))
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text) // nothing behind it: causes are told as well
}

// login finds the login to the image's registry. The file is read every time,
// since logins change.
func (o Options) login(ref reference.Named) (login, error) {
	if o.Logins == "" {
		return login{}, nil
	}
	data, err := os.ReadFile(o.Logins)
	if err != nil {
		return login{}, fmt.Errorf("setting BUILD_REGISTRY_LOGINS: %w", err)
	}
	var file struct {
		Auths map[string]registry.AuthConfig `json:"auths"`
	}
	if json.Unmarshal(data, &file) != nil {
		// The decoder's message could show a part of a secret.
		return login{}, fmt.Errorf("setting BUILD_REGISTRY_LOGINS: %s is not JSON in the form of Docker's config.json", o.Logins)
	}
	domain := reference.Domain(ref)
	names := []string{domain, "https://" + domain, "http://" + domain}
	if domain == "docker.io" {
		names = append(names, dockerHub, "index.docker.io")
	}
	for _, name := range names {
		found, ok := file.Auths[name]
		if !ok {
			continue
		}
		if found.Auth != "" {
			if found.Username, found.Password, err = nameAndPassword(found.Auth); err != nil {
				return login{}, fmt.Errorf("setting BUILD_REGISTRY_LOGINS: %s, login to %s: %w", o.Logins, name, err)
			}
			found.Auth = ""
		}
		found.ServerAddress = name
		return login{found}, nil
	}
	return login{}, nil
}

func nameAndPassword(auth string) (name, password string, err error) {
	text, err := base64.StdEncoding.DecodeString(auth)
	name, password, ok := strings.Cut(strings.TrimRight(string(text), "\x00"), ":")
	if err != nil || !ok {
		return "", "", fmt.Errorf("auth is not name:password in base64; log in again with docker login")
	}
	return name, password, nil
}
