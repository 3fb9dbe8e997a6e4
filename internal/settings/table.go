package settings

import (
	"slices"
	"strings"
)

// Setting describes one setting.
type Setting struct {
	Name    string // as in a YAML file; with COURSEWRIGHT_ in front as a variable
	Group   string
	Type    string
	Allowed string
	Default string // as it would be given; $DATA and $HOME stand for the folders
	Doc     string
	// Gitmanager says that gitmanager had it: GITMANAGER_ and the name is
	// accepted as well.
	Gitmanager bool
	Variables  []string // further variables that give it
	Secret     bool     // masked everywhere, and no flag
	File       bool     // name and _FILE names a file that holds the value
}

// Flag is the name of the flag that gives the setting; empty for secrets, since
// other users of a host see flags.
func (s Setting) Flag() string {
	if s.Secret {
		return ""
	}
	return strings.ReplaceAll(strings.ToLower(s.Name), "_", "-")
}

// row is a setting and its place in Settings.
type row struct {
	Setting
	empty bool // an empty text is a value; elsewhere it counts as not given
	set   func(s *Settings, r raw) (shown string, err error)
}

// define makes a row. Settings without a default take null for nothing.
func define[T any](k kind[T], field func(*Settings) *T, s Setting) row {
	s.Type, s.Allowed = k.name, k.allowed
	nullable := s.Default == ""
	set := func(to *Settings, r raw) (string, error) {
		if r.null() {
			if !nullable {
				return "", errRefused
			}
			*field(to) = *new(T)
			return "", nil
		}
		v, err := k.parse(r)
		if err != nil {
			return "", err
		}
		*field(to) = v
		switch {
		case k.show != nil:
			return k.show(v), nil
		case s.Secret:
			return mask, nil
		}
		return compact(r), nil
	}
	return row{Setting: s, set: set}
}

// orEmpty lets the row take an empty text or null as a value.
func (r row) orEmpty() row {
	set := r.set
	r.empty = true
	r.set = func(to *Settings, v raw) (string, error) {
		if v.null() {
			v = raw{value: ""}
		}
		return set(to, v)
	}
	return r
}

// Table lists all settings, for documentation and flags.
func Table() []Setting {
	var out []Setting
	for _, r := range rows() {
		out = append(out, r.Setting)
	}
	return out
}

// rows is the table. DATA is first, since other defaults lie in it.
func rows() []row {
	var out []row
	for _, group := range []struct {
		name string
		rows []row
	}{
		{"Folders", folderRows()},
		{"Database", databaseRows()},
		{"Web", webRows()},
		{"Temporal", temporalRows()},
		{"Builds", buildRows()},
		{"Build hosts", hostRows()},
		{"Builds in containers", containerRows()},
		{"Git", gitRows()},
		{"Course handling", courseRows()},
		{"A+ and graders", aplusRows()},
		{"Authentication", authRows()},
		{"Log", logRows()},
		{"Traces and canary course", watchRows()},
	} {
		for _, r := range group.rows {
			r.Group = group.name
			out = append(out, r)
		}
	}
	return slices.Clip(out)
}

// Obsolete is a setting of gitmanager that has no meaning any more.
type Obsolete struct {
	Name string
	Why  string
}

// ObsoleteSettings lists gitmanager's settings that have no meaning any more.
func ObsoleteSettings() []Obsolete {
	return []Obsolete{
		{"DEBUG", "There is no debug mode; coursewright dev is for developers. Where DEBUG let everybody in, set DISABLE_LOGIN_CHECKS."},
		{"SECRET_KEY", "Nothing is signed with it any more."},
		{"SECRET_KEY_FILE", "Nothing is signed with SECRET_KEY any more."},
		{"LOCAL_SETTINGS", "Python files are not read; move the settings to the file that COURSEWRIGHT_CONFIG names."},
		{"ADMINS", "The service sends no mail to administrators; watch its log and metrics."},
		{"SERVER_EMAIL", "The service sends no mail itself; A+ mails the teachers."},
		{"ALLOWED_HOSTS", "The reverse proxy decides which host names reach the service."},
		{"DATABASES", "Give DATABASE_URL."},
		{"CACHES", "There is no cache to configure: courses are compiled when they are built."},
		{"RETRYING_MEMCACHE_CLIENT_OPTIONS", "There is no memcached."},
		{"HUEY", "Builds are run by Temporal: see TEMPORAL_ADDRESS, BUILD_CONCURRENCY and IMMEDIATE."},
		{"BUILD_FILELOCK_TIMEOUT", "There are no file locks."},
		{"APLUS_JSON_FILELOCK_TIMEOUT", "There are no file locks."},
		{"LANGUAGE_CODE", "The service's own pages are in English."},
		{"ENABLE_PERFORMANCE_MONITORING", "Metrics are always at /metrics."},
		{"LOGGING", "See LOG_FORMAT and LOG_LEVEL."},
		{"AUTH_CLASS", "It named a Python class."},
		{"DEFAULT_EXPIRY_MINUTES", "It had no effect."},
		{"TESTDATADIR", "It served gitmanager's own tests."},
	}
}
