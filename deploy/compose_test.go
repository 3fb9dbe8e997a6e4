package deploy_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"coursewright/internal/settings"
)

// loadCompose reads a compose file as Compose does, its schema included, with
// the variables of the example.
func loadCompose(t *testing.T, file string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{file},
		cli.WithWorkingDirectory(".."), cli.WithEnvFiles("compose/example.env"), cli.WithDotEnv, cli.WithInterpolation(true), cli.WithProfiles([]string{"import"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return project
}

// variables are the names that the service takes, the files of secrets included.
func variables() map[string]bool {
	known := map[string]bool{settings.Prefix + "CONFIG": true}
	for _, s := range settings.Table() {
		known[settings.Prefix+s.Name] = true
		if s.File {
			known[settings.Prefix+s.Name+"_FILE"] = true
		}
	}
	return known
}

func TestComposeSetsKnownVariables(t *testing.T) {
	t.Parallel()
	known, found := variables(), 0
	for name, service := range loadCompose(t, "../docker-compose.yml").Services {
		for variable := range service.Environment {
			if !strings.HasPrefix(variable, settings.Prefix) {
				continue
			}
			found++
			if !known[variable] {
				t.Errorf("service %s sets %s, which there is not", name, variable)
			}
		}
	}
	if found < 30 {
		t.Errorf("%d variables found: the file sets more", found)
	}
	loadCompose(t, "../docker-compose.dev.yml")
}

// Each role sees what docs/operations.md gives it and nothing else.
func TestComposeRoles(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, "../docker-compose.yml")
	for name, want := range map[string]struct{ mounts, secrets []string }{
		"api": {
			[]string{"/srv/coursewright"},
			[]string{"aplus_key", "database_url", "private_key", "public_key", "ssh_key"},
		},
		"worker": {
			[]string{"/srv/coursewright/build", "/srv/coursewright/ssh", "/srv/coursewright/store", "/var/run/docker.sock"},
			[]string{"database_url", "private_key", "ssh_key"},
		},
		"import":  {[]string{"/gitmanager", "/srv/coursewright"}, []string{"database_url", "private_key", "public_key", "ssh_key"}},
		"migrate": {nil, []string{"database_url"}},
		"nginx": {
			[]string{"/coursewright.conf", "/docker-entrypoint.d/50-coursewright.sh", "/etc/nginx/tls", "/srv/coursewright/courses", "/srv/coursewright/static"},
			nil,
		},
	} {
		service := project.Services[name]
		var mounts, secrets []string
		for _, v := range service.Volumes {
			mounts = append(mounts, v.Target)
			if name == "nginx" && !v.ReadOnly {
				t.Errorf("nginx may write %s", v.Target)
			}
		}
		for _, s := range service.Secrets {
			secrets = append(secrets, s.Source)
		}
		slices.Sort(mounts)
		slices.Sort(secrets)
		if !slices.Equal(mounts, want.mounts) || !slices.Equal(secrets, want.secrets) {
			t.Errorf("%s has the mounts %q and the secrets %q, want %q and %q", name, mounts, secrets, want.mounts, want.secrets)
		}
	}
	worker := project.Services["worker"]
	// Containers are made before the service that prepares the folder has run.
	for _, v := range worker.Volumes {
		if v.Target == "/srv/coursewright/build" && (v.Bind == nil || !bool(v.Bind.CreateHostPath)) {
			t.Error("a machine without the build folder cannot start the worker")
		}
	}
	if got := *worker.Environment["COURSEWRIGHT_BUILD_MODULE_SETTINGS"]; !strings.Contains(got, `"HOST_BUILD_PATH": "/srv/coursewright/build"`) {
		t.Errorf("the worker's engine is not told where the build folder is: %s", got)
	}
	if api := project.Services["api"]; *api.Environment["COURSEWRIGHT_TRUSTED_PROXIES"] != project.Services["nginx"].Networks["front"].Ipv4Address {
		t.Error("api trusts another address than that of nginx")
	}
}

// What must hold for a service to survive nights: fixed versions, restarts,
// health, little power, ports of operators on this machine alone.
func TestComposeServices(t *testing.T) {
	t.Parallel()
	public := []string{"nginx"}
	project := loadCompose(t, "../docker-compose.yml")
	for name, s := range project.Services {
		_, tag, tagged := strings.Cut(s.Image, ":")
		if !tagged || tag == "latest" {
			t.Errorf("%s: image %s has no fixed tag", name, s.Image)
		}
		oneShot := s.Restart == "no" || strings.HasPrefix(s.Restart, "on-failure:")
		if !oneShot && s.Restart != "unless-stopped" {
			t.Errorf("%s: restart policy %q", name, s.Restart)
		}
		if s.Privileged || slices.Contains(s.CapAdd, "SYS_ADMIN") {
			t.Errorf("%s is privileged", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" && !slices.Contains(public, name) {
				t.Errorf("%s: port %s is open to everybody", name, p.Published)
			}
		}
		for needed, d := range s.DependsOn {
			other := project.Services[needed]
			switch d.Condition {
			case types.ServiceConditionHealthy:
				// The image of the service brings a check of its own.
				if other.HealthCheck == nil && other.Build == nil {
					t.Errorf("%s waits for the health of %s, which has no check", name, needed)
				}
			case types.ServiceConditionCompletedSuccessfully:
				if other.Restart == "unless-stopped" {
					t.Errorf("%s waits for the end of %s, which never ends", name, needed)
				}
			default:
				t.Errorf("%s: depends on %s with condition %q", name, needed, d.Condition)
			}
		}
		for variable, value := range s.Environment {
			if strings.HasSuffix(variable, "PASSWORD") || strings.HasSuffix(variable, "_PWD") {
				t.Errorf("%s: the secret %s is a variable (%v); give a file", name, variable, value != nil)
			}
		}
	}
}

// Compose itself takes the files, where it is installed.
func TestComposeTakesTheFiles(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "docker", "compose", "version").Run(); err != nil {
		t.Skip("the compose plugin of docker is not installed")
	}
	for _, file := range []string{"docker-compose.yml", "docker-compose.dev.yml"} {
		cmd := exec.CommandContext(t.Context(), "docker", "compose", "--env-file", "deploy/compose/example.env", "--file", file, "config", "--quiet")
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", file, err, out)
		}
	}
}
