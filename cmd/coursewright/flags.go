package main

import (
	"github.com/spf13/pflag"

	"coursewright/internal/settings"
)

// addSettingFlags adds a flag for every setting that may have one; help
// replaces the text of some. The result gives the settings whose flags were
// given.
func addSettingFlags(f *pflag.FlagSet, help map[string]string) func() map[string]string {
	names := map[string]string{} // flag → setting
	for _, s := range settings.Table() {
		flag := s.Flag()
		if flag == "" || f.Lookup(flag) != nil {
			continue
		}
		names[flag] = s.Name
		text := help[s.Name]
		if text == "" {
			text = "setting " + s.Name + ", see docs/config.md"
		}
		f.String(flag, "", text)
	}
	return func() map[string]string {
		given := map[string]string{}
		f.Visit(func(flag *pflag.Flag) {
			if name, ok := names[flag.Name]; ok {
				given[name] = flag.Value.String()
			}
		})
		return given
	}
}
