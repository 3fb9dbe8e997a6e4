package settings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file reads the YAML file, if there is one.
func (l *loader) file() layer {
	out := layer{}
	path := cmp.Or(l.sources.Config, l.env[configVariable])
	if path == "" {
		return out
	}
	data, err := l.sources.ReadFile(path)
	if err != nil {
		l.problem(Problem{Source: path, Message: "cannot read the configuration file: " + err.Error()})
		return out
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		l.problem(Problem{Source: path, Message: "this is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")})
		return out
	}
	if len(document.Content) == 0 {
		return out // an empty file
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		if root.Tag != "!!null" {
			l.problem(Problem{Source: path, Message: "give settings as NAME: value, one per line"})
		}
		return out
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		source := fmt.Sprintf("%s:%d", path, key.Line)
		if first := seen[key.Value]; first > 0 {
			l.problem(Problem{Source: source, Name: key.Value, Message: fmt.Sprintf("given twice, first in line %d: keep one of the two", first)})
			continue
		}
		seen[key.Value] = key.Line
		l.entry(out, key.Value, value, source)
	}
	return out
}

// entry reads one line of the file.
func (l *loader) entry(out layer, name string, node *yaml.Node, source string) {
	value, err := fromYAML(node)
	if err != nil {
		l.problem(Problem{Source: source, Name: name, Message: err.Error()})
		return
	}
	if r, ok := l.byName[name]; ok {
		l.put(out, r, given{value, source})
		return
	}
	if r, ok := l.byName[strings.TrimSuffix(name, fileSuffix)]; ok && r.File {
		l.putFile(out, r, value.words(), source)
		return
	}
	if slices.Contains(authObjects(), name) {
		l.auth(out, value, source)
		return
	}
	l.problem(Problem{Source: source, Name: name, Message: l.unknown(name, "")})
}

// fromYAML reads a value. Texts stay texts, also when they look like JSON.
func fromYAML(node *yaml.Node) (raw, error) {
	var value any
	if err := node.Decode(&value); err != nil {
		return raw{}, fmt.Errorf("cannot read the value: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if node.Kind == yaml.ScalarNode {
		if value == nil {
			return raw{text: "null"}, nil
		}
		if node.Tag != "!!str" {
			return raw{text: node.Value, value: value}, nil
		}
		return raw{text: node.Value, value: node.Value}, nil
	}
	if _, err := json.Marshal(value); err != nil {
		return raw{}, fmt.Errorf("cannot read the value: its keys must be texts")
	}
	return fromValue(value), nil
}

// fromValue makes a value that was part of an object stand alone.
func fromValue(value any) raw {
	if s, ok := value.(string); ok {
		return raw{text: s, value: s}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return raw{text: fmt.Sprint(value), value: value}
	}
	return raw{text: string(text), value: value}
}
