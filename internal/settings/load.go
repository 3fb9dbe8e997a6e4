package settings

import (
	"maps"
	"os"
	"slices"
	"strings"
)

// Prefix begins the variables of the settings.
const Prefix = "COURSEWRIGHT_"

const (
	gitmanagerPrefix = "GITMANAGER_"
	// prefixVariable names gitmanager's variable that replaces its prefix.
	prefixVariable = "ENV_SETTINGS_PREFIX"
	configVariable = Prefix + "CONFIG"
	fileSuffix     = "_FILE"
	sourceDefault  = "default"
)

// Sources are where settings come from. Later ones win: the table's defaults,
// Defaults, the YAML file, the environment, flags.
type Sources struct {
	Defaults map[string]string // replace the table's defaults, such as DevDefaults
	Environ  []string          // NAME=value, as os.Environ gives it
	Config   string            // the YAML file; empty: the one that COURSEWRIGHT_CONFIG names, if any
	Flags    map[string]string // by name of the setting; only flags that were given
	Others   []string          // COURSEWRIGHT_ variables that are no settings but somebody else's
	// ReadFile reads the YAML file and files with secrets; nil means os.ReadFile.
	ReadFile func(path string) ([]byte, error)
}

// given is a value and where it was given.
type given struct {
	raw
	source string
}

// layer holds what one source gives, by name of the setting.
type layer map[string]given

// loader gathers values and problems.
type loader struct {
	sources  Sources
	rows     []row
	byName   map[string]row
	env      map[string]string
	problems []Problem
	warnings []string
}

// Load reads and checks the settings. When anything is wrong it returns an
// *Error that lists all of it.
func Load(src Sources) (Settings, error) {
	if src.ReadFile == nil {
		src.ReadFile = os.ReadFile
	}
	l := &loader{sources: src, rows: rows(), byName: map[string]row{}, env: map[string]string{}}
	for _, r := range l.rows {
		l.byName[r.Name] = r
	}
	for _, variable := range src.Environ {
		name, value, _ := strings.Cut(variable, "=")
		l.env[name] = value
	}
	layers := []layer{l.defaults(), l.file(), l.environment(), l.flags()}
	s := l.assign(layers)
	l.check(&s)
	s.Warnings = l.warnings
	if len(l.problems) > 0 {
		return Settings{}, &Error{Problems: l.problems}
	}
	return s, nil
}

func (l *loader) problem(p Problem) { l.problems = append(l.problems, p) }

// put adds a value to a layer. The same setting may come by several names when
// they agree.
func (l *loader) put(in layer, r row, g given) {
	if g.text == "" && !r.empty && g.source != sourceDefault {
		return // not given
	}
	if before, ok := in[r.Name]; ok && !r.same(before.raw, g.raw) {
		l.problem(Problem{
			Source: g.source, Name: r.Name, Value: quoteValue(g.text, r.Secret),
			Message: "differs from what " + before.source + " gives: keep one of the two",
		})
		return
	}
	in[r.Name] = g
}

// same says whether two values mean the same, such as True and yes.
func (r row) same(a, b raw) bool {
	if a.text == b.text {
		return true
	}
	var s Settings
	shownA, errA := r.set(&s, a)
	shownB, errB := r.set(&s, b)
	return errA == nil && errB == nil && shownA == shownB && !r.Secret
}

// putFile adds the content of a file to a layer.
func (l *loader) putFile(in layer, r row, path, source string) {
	if path == "" {
		return
	}
	data, err := l.sources.ReadFile(path)
	if err != nil {
		l.problem(Problem{Source: source, Name: r.Name, Value: quoteValue(path, false), Message: "cannot read the file: " + err.Error()})
		return
	}
	text := strings.TrimRight(string(data), "\r\n")
	value := raw{text: text, value: text}
	if r.Type != texts().name {
		value = readRaw(text)
	}
	l.put(in, r, given{value, source})
}

func (l *loader) defaults() layer {
	out := layer{}
	for _, name := range slices.Sorted(maps.Keys(l.sources.Defaults)) {
		r, ok := l.byName[name]
		if !ok {
			l.problem(Problem{Source: sourceDefault, Name: name, Message: "no setting has this name"})
			continue
		}
		l.put(out, r, given{readRaw(l.sources.Defaults[name]), sourceDefault})
	}
	return out
}

func (l *loader) flags() layer {
	out := layer{}
	for _, name := range slices.Sorted(maps.Keys(l.sources.Flags)) {
		r, ok := l.byName[name]
		if !ok || r.Flag() == "" {
			l.problem(Problem{Source: "flags", Name: name, Message: "no flag gives this setting"})
			continue
		}
		l.put(out, r, given{readRaw(l.sources.Flags[name]), "flag --" + r.Flag()})
	}
	return out
}

// assign puts the winning value of every setting into place.
func (l *loader) assign(layers []layer) Settings {
	var s Settings
	for _, r := range l.rows {
		g := given{readRaw(l.expand(r.Default, s)), sourceDefault}
		for _, in := range layers {
			if v, ok := in[r.Name]; ok {
				g = v
			}
		}
		shown := ""
		if g.text != "" || r.empty {
			var err error
			if shown, err = r.set(&s, g.raw); err != nil {
				l.refuse(r, g, err)
			}
		}
		s.values = append(s.values, Value{Name: r.Name, Text: shown, Source: g.source})
	}
	return s
}

// refuse reports a value that its kind does not allow.
func (l *loader) refuse(r row, g given, err error) {
	message := "give " + r.Allowed
	if err != errRefused { //nolint:errorlint // the bare sentinel has nothing to tell
		message = err.Error()
	}
	l.problem(Problem{Source: g.source, Name: r.Name, Value: quoteValue(g.text, r.Secret), Message: message})
}

// expand fills in the folders in a default. A default in an unknown home is
// none.
func (l *loader) expand(text string, s Settings) string {
	home := l.env["HOME"]
	if strings.HasPrefix(text, "$HOME/") && home == "" {
		return ""
	}
	return strings.NewReplacer("$DATA", s.Data, "$HOME", home).Replace(text)
}
