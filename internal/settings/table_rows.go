package settings

import (
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

func folderRows() []row {
	return []row{
		define(paths(), func(s *Settings) *string { return &s.Data }, Setting{
			Name: "DATA", Default: "/var/lib/coursewright",
			Doc: "Folder for everything that has no folder of its own.",
		}),
		define(paths(), func(s *Settings) *string { return &s.BuildPath }, Setting{
			Name: "BUILD_PATH", Default: "$DATA/build", Gitmanager: true,
			Doc: "Working copies. A local disk, used by the build worker only. gitmanager's default was `/tmp/gitmanager`.",
		}),
		define(paths(), func(s *Settings) *string { return &s.StorePath }, Setting{
			Name: "STORE_PATH", Default: "$DATA/store", Gitmanager: true,
			Doc: "Releases that wait for A+. On one file system with `COURSES_PATH`.",
		}),
		define(paths(), func(s *Settings) *string { return &s.CoursesPath }, Setting{
			Name: "COURSES_PATH", Default: "$DATA/courses", Gitmanager: true,
			Doc: "Published releases.",
		}),
		define(paths(), func(s *Settings) *string { return &s.StaticRoot }, Setting{
			Name: "STATIC_ROOT", Default: "$DATA/static", Gitmanager: true,
			Doc: "Links to the public files of published courses, for the web server.",
		}),
		define(paths(), func(s *Settings) *string { return &s.LocalSourcePath }, Setting{
			Name: "LOCAL_COURSE_SOURCE_PATH", Gitmanager: true,
			Doc: "Courses without a git origin are copied from the folder of that name in it. For development.",
		}),
	}
}

func webRows() []row {
	return []row{
		define(hostPorts(), func(s *Settings) *string { return &s.Listen }, Setting{
			Name: "LISTEN", Default: ":8070",
			Doc: "Address that the web server listens on.",
		}),
		define(hostPorts(), func(s *Settings) *string { return &s.AdminListen }, Setting{
			Name: "ADMIN_LISTEN",
			Doc:  "Address of a second listener, for operators alone: `/metrics`, `/healthz`, `/readyz` and Go's profiles at `/debug/pprof/`. It asks nobody for a password. Unset: there is none.",
		}),
		define(shownURL(), func(s *Settings) *string { return &s.PublicBaseURL }, Setting{
			Name: "PUBLIC_BASE_URL",
			Doc:  "Address under which others reach the service. When it is unset, addresses follow the host of each request. A+ gets it in publish_url, so TRUSTING_REMOTES of A+ must list this host, also when GITMANAGER_URL names another.",
		}),
		define(networks(), func(s *Settings) *[]netip.Prefix { return &s.TrustedProxies }, Setting{
			Name: "TRUSTED_PROXIES",
			Doc:  "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
		}),
		define(ints(0, 1_000_000), func(s *Settings) *int { return &s.LoginFailures }, Setting{
			Name: "LOGIN_FAILURE_LIMIT", Default: "100",
			Doc: "Failed logins a minute from one address or for one account; further ones are answered 429, good ones never. Ten times as many other requests may show a token that does not hold. 0: any number.",
		}),
		define(ints(0, 1_000_000), func(s *Settings) *int { return &s.HookFailures }, Setting{
			Name: "HOOK_FAILURE_LIMIT", Default: "60",
			Doc: "Webhook calls a minute, from one address to one course, that may be refused, such as wrongly signed ones; further ones are answered 429, good ones never. 0: any number.",
		}),
		define(ints(0, 1_000_000), func(s *Settings) *int { return &s.Hooks }, Setting{
			Name: "HOOK_LIMIT", Default: "6000",
			Doc: "Good webhook calls a minute for one course, and ten times as many from one address; further ones are answered 429. Few git hosts send a call again, so leave it far above what teachers push. 0: any number.",
		}),
		define(texts().with(slashes), func(s *Settings) *string { return &s.StaticURL }, Setting{
			Name: "STATIC_URL", Default: "/static/", Gitmanager: true,
			Doc: "Path of the static files; it begins and ends with a slash.",
		}),
		define(shownURL(), func(s *Settings) *string { return &s.StaticContentHost }, Setting{
			Name: "STATIC_CONTENT_HOST", Gitmanager: true,
			Doc: "Scheme and host of the static files, as builds and A+ are told. A path in it is dropped.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.UseXSendfile }, Setting{
			Name: "USE_X_SENDFILE", Default: "false", Gitmanager: true,
			Doc: "Let nginx send protected files (X-Accel-Redirect).",
		}),
		define(zones(), func(s *Settings) **time.Location { return &s.TimeZone }, Setting{
			Name: "TIME_ZONE", Default: "UTC", Gitmanager: true,
			Doc: "Time zone of times on pages.",
		}),
	}
}

func slashes(s string) error {
	if u, err := url.Parse(s); err != nil || u.Path != s || !strings.HasPrefix(s, "/") || !strings.HasSuffix(s, "/") || strings.Contains(s, "//") || s == "/" {
		return errors.New("give a path that begins and ends with a slash, such as /static/")
	}
	return nil
}

func buildRows() []row {
	return []row{
		define(oneOf("docker", "exec", "local"), func(s *Settings) *string { return &s.Builder }, Setting{
			Name: "BUILDER", Default: "docker",
			Doc: "What runs builds: containers, the executable of `BUILD_MODULE`, or programs of the host (`local`, without isolation). `exec` when only `BUILD_MODULE` is given.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.AllowLocalBuilder }, Setting{
			Name: "ALLOW_LOCAL_BUILDER", Default: "false",
			Doc: "Allow `BUILDER` `local`: builds can then read and change all that the service can.",
		}),
		define(texts(), func(s *Settings) *string { return &s.DefaultImage }, Setting{
			Name: "DEFAULT_IMAGE", Default: "apluslms/compile-rst:1.6", Gitmanager: true,
			Doc: "Image of courses that name none. Empty: such courses are not built.",
		}).orEmpty(),
		define(texts(), func(s *Settings) *string { return &s.DefaultCommand }, Setting{
			Name: "DEFAULT_CMD", Default: "legacy_build", Gitmanager: true,
			Doc: "Command of courses whose apps.meta names neither image nor command. Empty or null: the image's own.",
		}).orEmpty(),
		define(paths(), func(s *Settings) *string { return &s.BuildModule }, Setting{
			Name: "BUILD_MODULE", Gitmanager: true,
			Doc: "Executable that runs builds. gitmanager's Python modules do not work here.",
		}),
		define(objects(), func(s *Settings) *map[string]any { return &s.BuildModuleOptions }, Setting{
			Name: "BUILD_MODULE_SETTINGS", Gitmanager: true, Secret: true, File: true,
			Doc: "What the builder is told: for `docker` `HOST_BUILD_PATH`, `CONTAINER_BUILD_PATH`, `HOST_PUBLISH_PATH`, `CONTAINER_PUBLISH_PATH`; for `exec` anything.",
		}),
		define(durations(0, 7*24*time.Hour), func(s *Settings) *time.Duration { return &s.BuildTimeout }, Setting{
			Name: "BUILD_TIMEOUT", Default: "1h",
			Doc: "A build command that runs longer is stopped and the build fails. 0: no limit.",
		}),
		define(durations(0, time.Hour), func(s *Settings) *time.Duration { return &s.BuildStopTimeout }, Setting{
			Name: "BUILD_STOP_TIMEOUT", Default: "20",
			Doc: "How long a worker that is told to stop lets running builds end. After that a container goes on and the restarted worker takes it over; builds of other builders are stopped and begin anew. The process itself may take 15 s more: give it that time before it is killed.",
		}),
		define(durations(time.Second, time.Hour), func(s *Settings) *time.Duration { return &s.BuildRetryDelay }, Setting{
			Name: "BUILD_RETRY_DELAY", Default: "30", Gitmanager: true,
			Doc: "The longest pause before a step that failed through no fault of the course is tried again; the first ones are shorter. Builds never wait for each other this way any more.",
		}),
	}
}

func gitRows() []row {
	return []row{
		define(paths(), func(s *Settings) *string { return &s.SSHKeyPath }, Setting{
			Name: "SSH_KEY_PATH", Default: "$HOME/.ssh/id_ecdsa", Gitmanager: true,
			Doc: "Private key for ssh origins.",
		}),
		define(oneOf("accept-new", "strict", "off"), func(s *Settings) *string { return &s.HostKeyPolicy }, Setting{
			Name: "KNOWN_HOSTS", Default: "accept-new",
			Doc: "Keys of ssh hosts: `accept-new` remembers a host seen for the first time, `strict` takes only hosts in the list, `off` takes any key. A changed key is refused by the first two.",
		}),
		define(paths(), func(s *Settings) *string { return &s.KnownHostsPath }, Setting{
			Name: "KNOWN_HOSTS_PATH",
			Doc:  "The list of ssh hosts. Unset: `known_hosts` beside the key.",
		}),
		define(commitStatuses(), func(s *Settings) *map[string]CommitStatusHost { return &s.CommitStatus }, Setting{
			Name: "COMMIT_STATUS", Secret: true, File: true,
			Doc: "Git hosts that are told how the build of a commit goes, each by its name with a `token`, its `kind` (`github`, `gitlab`, `gitea`; known of github.com, gitlab.com and codeberg.org) and, where it is not the usual one, the address of its `api`. See [commit-status.md](commit-status.md).",
		}),
		define(lists(false), func(s *Settings) *[]string { return &s.GitOptions }, Setting{
			Name: "GIT_OPTIONS", Gitmanager: true, Secret: true, File: true,
			Doc: "Options that git gets before every command.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.AllowLocalOrigins }, Setting{
			Name: "ALLOW_LOCAL_ORIGINS", Default: "false",
			Doc: "Allow folders and file:// addresses as git origins. Who may edit a course can then read every repository that the service can.",
		}),
		define(durations(0, 24*time.Hour), func(s *Settings) *time.Duration { return &s.PollInterval }, Setting{
			Name: "POLL_INTERVAL", Default: "0",
			Doc: "How often the branch of every course is looked at for pushes whose hook was lost. 0: never.",
		}),
	}
}

func courseRows() []row {
	return []row{
		define(bools(), func(s *Settings) *bool { return &s.Immediate }, Setting{
			Name: "IMMEDIATE", Default: "false", Variables: []string{"HUEY_IMMEDIATE"},
			Doc: "Answer a hook only when its build has ended.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.AutoPublish }, Setting{
			Name: "AUTO_PUBLISH", Default: "false",
			Doc: "Publish a release right after it is stored, for deployments without A+.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.AllowUnsignedHooks }, Setting{
			Name: "ALLOW_UNSIGNED_HOOKS", Default: "false",
			Doc: "Believe what git hosts send for courses without a webhook secret: anybody can then start their builds.",
		}),
		define(ints(1, 100_000_000), func(s *Settings) *int { return &s.CourseFiles }, Setting{
			Name: "COURSE_FILES", Default: "500000",
			Doc: "Files that a course may have, in its branch with all submodules and in its folder after the build. Each costs the worker some hundred bytes of memory.",
		}),
		define(atLeast(1<<20), func(s *Settings) *int64 { return &s.CourseSize }, Setting{
			Name: "COURSE_SIZE", Default: "20GiB",
			Doc: "Size of what a course may have in its branch with all submodules and files in Git LFS, in a file that git writes, and in a release.",
		}),
		define(ints(1, 1000), func(s *Settings) *int { return &s.KeepReleases }, Setting{
			Name: "KEEP_RELEASES", Default: "3",
			Doc: "Published releases kept per course, for rollback. One that was just replaced stays a minute more, for those who still read it.",
		}),
		define(ints(1, 1_000_000), func(s *Settings) *int { return &s.KeepBuilds }, Setting{
			Name: "KEEP_BUILDS", Default: "1000",
			Doc: "Builds kept per course, with their logs; a request that was skipped is one too. gitmanager kept 10.",
		}),
		define(atLeast(64<<10), func(s *Settings) *int64 { return &s.KeepLog }, Setting{
			Name: "KEEP_LOG", Default: "4MiB",
			Doc: "Kept of each build's log: half of its beginning, half of its end. Pages show longer ones as quickly.",
		}),
		define(ints(1, 1000), func(s *Settings) *int { return &s.KeepPreviews }, Setting{
			Name: "KEEP_PREVIEWS", Default: "5",
			Doc: "Previews of branches kept per course, the newest ones.",
		}),
		define(durations(time.Minute, 366*24*time.Hour), func(s *Settings) *time.Duration { return &s.PreviewAge }, Setting{
			Name: "PREVIEW_AGE", Default: "336h",
			Doc: "Previews older than this are removed, however few there are.",
		}),
		define(names().with(insideCourse), func(s *Settings) *string { return &s.PersonalizedDir }, Setting{
			Name: "PERSONALIZED_CONTENT_DIR", Default: "personalized_exercises", Gitmanager: true,
			Doc: "Folder of personalized exercises in a course; the same as mooc-grader's.",
		}),
	}
}

func insideCourse(s string) error {
	if !filepath.IsLocal(s) {
		return errors.New("give a path inside a course; .. is not allowed")
	}
	return nil
}

func aplusRows() []row {
	return []row{
		define(baseURL(), func(s *Settings) *string { return &s.FrontendURL }, Setting{
			Name: "FRONTEND_URL", Gitmanager: true,
			Doc: "A+, scheme and host. Unset: A+ is not told about builds.",
		}),
		define(anyURL(), func(s *Settings) *string { return &s.DefaultGraderURL }, Setting{
			Name: "DEFAULT_GRADER_URL", Gitmanager: true,
			Doc: "Configuration address of the grader of exercises that name none, such as `https://grader.example.org/configure`.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.RequireGraders }, Setting{
			Name: "REQUIRE_GRADERS", Default: "true",
			Doc: "Fail a build whose grader cannot be reached. `coursewright dev` only warns.",
		}),
	}
}

func logRows() []row {
	return []row{
		define(oneOf("text", "json"), func(s *Settings) *string { return &s.LogFormat }, Setting{
			Name: "LOG_FORMAT", Default: "text", Doc: "Form of the log.",
		}),
		define(levels(), func(s *Settings) *slog.Level { return &s.LogLevel }, Setting{
			Name: "LOG_LEVEL", Default: "info", Doc: "The least important messages that are logged.",
		}),
	}
}

// authRows are the members of gitmanager's APLUS_AUTH_LOCAL.
func authRows() []row {
	return []row{
		define(names(), func(s *Settings) *string { return &s.Auth.UID }, Setting{
			Name: "UID", Default: "gitmanager", Gitmanager: true,
			Doc: "Own UID.",
		}),
		define(secrets(), func(s *Settings) *Secret { return &s.Auth.PrivateKey }, Setting{
			Name: "PRIVATE_KEY", Gitmanager: true, Secret: true, File: true,
			Doc: "Own RSA key, PEM or OpenSSH. Needed unless `DISABLE_JWT_SIGNING`.",
		}),
		define(texts(), func(s *Settings) *string { return &s.Auth.PublicKey }, Setting{
			Name: "PUBLIC_KEY", Gitmanager: true, File: true,
			Doc: "Its public half, as A+ and the graders know it.",
		}),
		define(texts(), func(s *Settings) *string { return &s.Auth.RemoteAuthenticatorUID }, Setting{
			Name: "REMOTE_AUTHENTICATOR_UID", Gitmanager: true,
			Doc: "UID of A+, usually `aplus`.",
		}),
		define(anyURL(), func(s *Settings) *string { return &s.Auth.RemoteAuthenticatorURL }, Setting{
			Name: "REMOTE_AUTHENTICATOR_URL", Gitmanager: true,
			Doc: "Where A+ hands out tokens, such as `https://aplus.example.org/api/v2/get-token/`.",
		}),
		define(texts(), func(s *Settings) *string { return &s.Auth.RemoteAuthenticatorKey }, Setting{
			Name: "REMOTE_AUTHENTICATOR_KEY", Gitmanager: true, File: true,
			Doc: "Public key of A+.",
		}),
		define(textMaps(), func(s *Settings) *map[string]string { return &s.Auth.UIDToKey }, Setting{
			Name: "UID_TO_KEY", Gitmanager: true, File: true,
			Doc: "Public keys of further services by UID; the own key and that of A+ are added.",
		}),
		define(lists(true), func(s *Settings) *[]string { return &s.Auth.TrustedUIDs }, Setting{
			Name: "TRUSTED_UIDS", Gitmanager: true,
			Doc: "Issuers whose permissions are believed. Unset: A+. The own UID always is one.",
		}),
		define(textMaps(), func(s *Settings) *map[string]string { return &s.Auth.TrustingRemotes }, Setting{
			Name: "TRUSTING_REMOTES", Gitmanager: true,
			Doc: "Address prefix → UID of services that accept tokens signed by this one. Unset: A+.",
		}),
		define(texts(), func(s *Settings) *string { return &s.Auth.DefaultAudUID }, Setting{
			Name: "DEFAULT_AUD_UID", Gitmanager: true,
			Doc: "Audience of tokens for addresses that `TRUSTING_REMOTES` does not have.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.Auth.DisableLoginChecks }, Setting{
			Name: "DISABLE_LOGIN_CHECKS", Default: "false", Gitmanager: true,
			Doc: "Verify no tokens and allow everything to everybody. For development.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.Auth.DisableJWTSigning }, Setting{
			Name: "DISABLE_JWT_SIGNING", Default: "false", Gitmanager: true,
			Doc: "Send unsigned tokens. For development.",
		}),
	}
}
