package settings

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"time"
)

// Settings are all settings in force. Paths are absolute, addresses are without
// surrounding space; an empty text means that a setting is off or unset. It
// can be printed and logged: secrets are masked.
type Settings struct {
	Data               string // folder that the defaults of other paths lie in
	BuildPath          string
	StorePath          string
	CoursesPath        string
	StaticRoot         string
	LocalSourcePath    string // LOCAL_COURSE_SOURCE_PATH
	PersonalizedDir    string // PERSONALIZED_CONTENT_DIR, relative to a course
	Database           Database
	DatabaseUse        DatabaseUse
	Listen             string // host:port, host may be empty
	AdminListen        string // as Listen; empty: no such listener
	PublicBaseURL      string // no slash at the end
	TrustedProxies     []netip.Prefix
	LoginFailures      int    // a minute; 0: any number
	HookFailures       int    // a minute; 0: any number
	Hooks              int    // a minute; 0: any number
	StaticURL          string // begins and ends with a slash
	StaticContentHost  string // scheme and host, perhaps a path
	UseXSendfile       bool
	FrontendURL        string // no slash at the end
	DefaultGraderURL   string
	RequireGraders     bool
	TimeZone           *time.Location
	TemporalAddress    string // host:port
	TemporalNamespace  string
	TemporalUIURL      string // no slash at the end
	TemporalRetention  time.Duration
	TemporalTLS        TemporalTLS
	TemporalAPIKey     Secret
	WorkerDeployment   string // empty: versions are not told apart
	WorkerBuildID      string // empty: the program's version
	Builder            string // docker, exec or local
	AllowLocalBuilder  bool
	DefaultImage       string
	DefaultCommand     string // DEFAULT_CMD
	BuildModule        string
	BuildModuleOptions map[string]any // BUILD_MODULE_SETTINGS
	BuildConcurrency   int            // builds at a time on one host; 0: as many as processors
	Hosting            Hosting
	BuildTimeout       time.Duration // 0: no limit
	BuildStopTimeout   time.Duration
	BuildRetryDelay    time.Duration
	Containers         Containers
	SSHKeyPath         string
	HostKeyPolicy      string // KNOWN_HOSTS: accept-new, strict or off
	KnownHostsPath     string
	GitOptions         []string
	AllowLocalOrigins  bool
	CommitStatus       map[string]CommitStatusHost // by the name of the git host
	PollInterval       time.Duration               // 0: git hosts are not polled
	Immediate          bool
	AutoPublish        bool
	AllowUnsignedHooks bool
	KeepReleases       int
	CourseFiles        int
	CourseSize         int64 // bytes
	KeepBuilds         int
	KeepLog            int64 // bytes of each log
	KeepPreviews       int
	PreviewAge         time.Duration
	LogFormat          string // text or json
	LogLevel           slog.Level
	Watching           Watching
	Auth               Auth

	// Warnings are oddities that do not keep the service from running, one line
	// each, for the log.
	Warnings []string

	values []Value
}

// Auth are the settings of aplus-auth. Derived members are filled in: the own
// key and the authenticator's in UIDToKey, TrustedUIDs and TrustingRemotes from
// the authenticator when they are not given.
type Auth struct {
	UID                    string
	PrivateKey             Secret // PEM or OpenSSH text
	PublicKey              string // PEM or OpenSSH text
	RemoteAuthenticatorUID string
	RemoteAuthenticatorURL string
	RemoteAuthenticatorKey string
	UIDToKey               map[string]string
	TrustedUIDs            []string
	TrustingRemotes        map[string]string // URL prefix → UID
	DefaultAudUID          string
	DisableLoginChecks     bool
	DisableJWTSigning      bool
}

// Database says where the data is kept.
type Database struct {
	Driver string // sqlite or postgres
	Path   string // file of sqlite, absolute
	URL    Secret // address of postgres
}

// Secret is a text that printing and logging do not show.
type Secret string

const mask = "***"

// Reveal gives the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String gives a mask, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString masks the secret in %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// LogValue masks the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret in JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Value is one setting in force, fit for a log.
type Value struct {
	Name   string
	Text   string // secrets are masked
	Source string // default, or where it was given
}

// Redacted lists all settings in the order of the table, secrets masked.
func (s Settings) Redacted() []Value { return s.values }

// Given says whether a setting has been given by a file, the environment or a
// flag, rather than being a default.
func (s Settings) Given(name string) bool {
	for _, v := range s.values {
		if v.Name == name {
			return v.Source != sourceDefault
		}
	}
	return false
}

// String lists the settings that are not defaults, secrets masked.
func (s Settings) String() string {
	return s.LogValue().String()
}

// LogValue shows the settings that are not defaults, secrets masked.
func (s Settings) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, v := range s.values {
		if v.Source != sourceDefault {
			attrs = append(attrs, slog.String(v.Name, v.Text))
		}
	}
	return slog.GroupValue(attrs...)
}

// DevDefaults are defaults for a developer's own machine: all data below
// dataDir, builds by the local builder, everybody who reaches the service may
// do everything, and therefore only this machine reaches it. Courses are
// accepted as where a default grader runs at its usual port. An empty
// TEMPORAL_ADDRESS asks for a server of the service's own.
func DevDefaults(dataDir string) map[string]string {
	return map[string]string{
		"DATA":                 dataDir,
		"SSH_KEY_PATH":         filepath.Join(dataDir, "ssh", "id_ecdsa"),
		"LISTEN":               "127.0.0.1:8070",
		"TEMPORAL_ADDRESS":     "",
		"DEFAULT_GRADER_URL":   "http://127.0.0.1:8080/configure",
		"REQUIRE_GRADERS":      "false",
		"BUILDER":              "local",
		"BUILD_STOP_TIMEOUT":   "2",
		"ALLOW_LOCAL_BUILDER":  "true",
		"ALLOW_LOCAL_ORIGINS":  "true",
		"AUTO_PUBLISH":         "true",
		"DISABLE_LOGIN_CHECKS": "true",
		"DISABLE_JWT_SIGNING":  "true",
	}
}
