package courseconfig_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"coursewright/internal/courseconfig"
	"coursewright/internal/courseconfig/pyvalue"
)

// TestHeadURLs tells addresses, which stay, from paths, which are put below the
// static folder on the host for static files.
func TestHeadURLs(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"http://x.example/a.js":         "http://x.example/a.js",
		"HTTPS://X.example:443/A?b=c#d": "HTTPS://X.example:443/A?b=c#d",
		"http://x.example/?":            "http://x.example/?",
		"http://host/?":                 "http://host/",
		"http://host.c1/a#":             "http://host.c1/a",
		"http://@host/a":                "http://host/a",
		"http://u:p@host/a?b#c":         "http://u:p@host/a?b#c",
		" http://x.example/a ":          "http://x.example/a",
		"http://1.2.3.4:80/a?":          "http://1.2.3.4:80/a?",
		"http://[::1]/a":                "http://[::1]/a",
		"http://ääk.example/ö.js":       "http://xn--k-zfaa.example/ö.js",
		"http://straße.example/":        "http://strasse.example/",
		"http://x.example:65536/a":      "https://s.example/static/k/http:/x.example:65536/a",
		"http://-x.example/a":           "https://s.example/static/k/http:/-x.example/a",
		"http://a..b/":                  "https://s.example/static/k/http:/a..b",
		"http://":                       "https://s.example/static/k/http:",
		"ftp://x.example/a":             "https://s.example/static/k/ftp:/x.example/a",
		"a.css":                         "https://s.example/static/k/a.css",
		"/a//b/./c.css":                 "https://s.example/static/k/a/b/c.css",
		"../other/a.css":                "https://s.example/static/other/a.css",
		"../../../a.css":                "https://s.example/a.css",
		"a/..":                          "https://s.example/static/k/",
		".":                             "https://s.example/static/k/",
		"ä b.css?x=/../y":               "https://s.example/static/k/ä b.css?x=/../y",
	}
	for given, want := range tests {
		t.Run(given, func(t *testing.T) {
			t.Parallel()
			dir := courseFolder(t, map[string]string{"index.yaml": "name: C\nmodules: []\nhead_urls: [" + quoted(t, given) + "]\n"})
			c, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "k", StaticContentHost: "https://s.example/lost/path"})
			if err != nil || c == nil {
				t.Fatalf("error %v, report %v", err, report)
			}
			var got struct {
				HeadURLs []string `json:"head_urls"`
			}
			if err := json.Unmarshal(mustBytes(t)(c.Document(nil)), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.HeadURLs) != 1 || got.HeadURLs[0] != want {
				t.Errorf("got %q, want %q", got.HeadURLs, want)
			}
		})
	}
}

func quoted(t *testing.T, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOddValues reads values that only Python would take, or not even Python.
func TestOddValues(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"duration: P":                                           `"P0DT00H00M00S"`,
		"duration: PT36H":                                       `"P1DT12H00M00S"`,
		"duration: -P1.5D":                                      `"-P1DT12H00M00S"`,
		"duration: '-1:30:00'":                                  `"-P0DT00H30M00S"`,
		"duration: '-0.5'":                                      `"-P0DT00H00M00.500000S"`,
		"duration: '3 5'":                                       `"P3DT00H00M05S"`,
		"duration: \"5\\n\"":                                    `"P0DT00H00M05S"`,
		"duration: 86400000000":                                 `"P1000000DT00H00M00S"`,
		"duration: 1000000000000000000":                         "",
		"duration: '1 day'":                                     "",
		"duration: 'P1x5D'":                                     "",
		"duration: .inf":                                        "",
		"duration: 2024-01-01":                                  "",
		"duration: ' -2 d'":                                     `" -2 d"`,
		"duration: '1__0d'":                                     "",
		"open: '1e3'":                                           `"1970-01-01T00:16:40Z"`,
		"open: nan":                                             `"nan"`,
		"open: .nan":                                            `"nan"`,
		"open: inf":                                             `"9999-12-31T23:59:59.999"`,
		"open: -.inf":                                           `"0001-01-01T00:00:00"`,
		"open: -1.5":                                            `"1969-12-31T23:59:58.500Z"`,
		"open: '2024-01-01T24:00'":                              `"2024-01-01T24:00"`,
		"open: '2024-01-01t12:00'":                              `"2024-01-01t12:00"`,
		"open: '2024-01-01T12:00z'":                             `"2024-01-01T12:00z"`,
		"open: '2024-01-01T12:00-0030'":                         `"2024-01-01T12:00:00-00:30"`,
		"open: '2024-01-01T12:00+25'":                           `"2024-01-01T12:00+25"`,
		"open: '2024-01-01T12:00:00.1234567'":                   `"2024-01-01T12:00:00.123"`,
		"open: '٢٠٢٤-٠١-٠٢'":                                    `"2024-01-02"`,
		"open: '0000-01-01'":                                    `"0000-01-01"`,
		"late_penalty: ' 1_0e-1_0 '":                            `1e-09`,
		"late_penalty: '0x1p-2'":                                "",
		"late_penalty: '--0'":                                   "",
		"late_penalty: '+-nan'":                                 "",
		"points_to_pass: '+٣'":                                  `3`,
		"points_to_pass: '+-3'":                                 "",
		"points_to_pass: '_3'":                                  "",
		"points_to_pass: 1e300":                                 "", // a text in YAML 1.1
		"points_to_pass: -0.9":                                  `0`,
		"points_to_pass: 2024-01-01":                            "",
		"numerate_ignoring_modules: 'oFf'":                      `false`,
		"numerate_ignoring_modules: -0.0":                       `false`,
		"numerate_ignoring_modules: !!binary eWVz":              `true`,
		"introduction: !!binary w6Q=":                           `"\u00e4"`,
		"introduction: !!binary /w==":                           "",
		"introduction: 1.0e+16":                                 `"1e+16"`,
		"introduction: .inf":                                    `"inf"`,
		"reveal_module_model_solution: [[trigger, manual]]":     `{"trigger": "manual"}`,
		"reveal_module_model_solution: []":                      "",
		"reveal_module_model_solution: {trigger: manual, 5: x}": "",
		"children: !!set {}":                                    `[]`,
		"children: ''":                                          "",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			v, err := pyvalue.ReadYAML("index.yaml", []byte("key: k\nname: n\n"+text+"\n"), pyvalue.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			raw, report := courseconfig.ReadModel("Module", v, courseconfig.Settings{})
			var fields map[string]json.RawMessage
			if raw != nil {
				if err := json.Unmarshal(raw, &fields); err != nil {
					t.Fatal(err)
				}
			}
			name, _, _ := strings.Cut(text, ":")
			if got := string(fields[name]); got != want {
				t.Errorf("got %s, want %s; %v", got, want, fmt.Sprint(report.Errors))
			}
		})
	}
}
