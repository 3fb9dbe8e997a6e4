package settings

import (
	"fmt"
	"strings"
)

const intro = `# Settings

<!-- Made from the table in internal/settings: change it there, then run
     go test ./internal/settings -update -->

Settings come from, later ones winning: the defaults below, a YAML file (named by ` + "`--config`" + ` or
` + "`COURSEWRIGHT_CONFIG`" + `), the environment, flags. Everything that is wrong is reported at once.

* **Variables** are ` + "`COURSEWRIGHT_`" + ` and the name. For settings marked *g*, which gitmanager had as well,
  ` + "`GITMANAGER_`" + ` and the name does too (or what ` + "`ENV_SETTINGS_PREFIX`" + ` says instead of it). When both are
  given they must agree. A value is read as JSON, else as text. An unknown ` + "`COURSEWRIGHT_`" + ` variable is an
  error, an unknown ` + "`GITMANAGER_`" + ` variable a warning.
* An **empty** value counts as not given, except for ` + "`DEFAULT_IMAGE`" + ` and ` + "`DEFAULT_CMD`" + `. ` + "`null`" + ` stands for nothing
  where nothing is allowed.
* **Files**: for settings marked *f*, the name and ` + "`_FILE`" + ` gives the path of a file that holds the value.
* **Flags** are ` + "`--`" + ` and the name in lower case with hyphens; settings marked *s* are secret and have none.
* Members of gitmanager's ` + "`APLUS_AUTH_LOCAL`" + ` are settings of their own (*Authentication*); the object as a whole
  is accepted as well, in the file and as a variable.
* In the YAML file every setting is one entry:

  ` + "```yaml" + `
  BUILD_PATH: /srv/build
  FRONTEND_URL: https://aplus.example.org
  PRIVATE_KEY_FILE: /etc/coursewright/private.pem
  TRUSTED_PROXIES: [10.0.0.0/8]
  ` + "```" + `
* A time is written as ` + "`90s`, `20m` or `1h30m`" + `; a bare number means seconds.
`

// Markdown is the text of docs/config.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(intro)
	group := ""
	for _, s := range Table() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n## %s\n\n| setting | type | default | meaning |\n|---|---|---|---|\n", group)
		}
		doc := s.Doc
		if len(s.Variables) > 0 {
			doc += " Also by the variable `" + strings.Join(s.Variables, "`, `") + "`."
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s |\n", s.Name, marks(s), cell(s.Type), code(s.Default), cell(doc))
	}
	b.WriteString("\n## Settings of gitmanager without a meaning\n\n| setting | why |\n|---|---|\n")
	for _, o := range ObsoleteSettings() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", o.Name, cell(o.Why))
	}
	return b.String()
}

func marks(s Setting) string {
	out := ""
	for _, m := range []struct {
		on   bool
		mark string
	}{{s.Gitmanager, "g"}, {s.File, "f"}, {s.Secret, "s"}} {
		if m.on {
			out += m.mark
		}
	}
	if out == "" {
		return ""
	}
	return " *" + out + "*"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}
