package settings

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
)

// lists are JSON lists of texts. With commas, plain text is taken apart there.
func lists(commas bool) kind[[]string] {
	k := kind[[]string]{name: "list of texts", allowed: `a JSON list of texts, such as ["a", "b"]`}
	if commas {
		k.allowed += ", or texts with commas between them"
	}
	k.parse = func(r raw) ([]string, error) {
		items, ok := r.value.([]any)
		if !ok {
			if !commas {
				return nil, errRefused
			}
			var out []string
			for item := range strings.SplitSeq(r.words(), ",") {
				if item = strings.TrimSpace(item); item != "" {
					out = append(out, item)
				}
			}
			return out, nil
		}
		out := make([]string, 0, len(items))
		for _, item := range items {
			s, ok := item.(string)
			if !ok {
				return nil, errRefused
			}
			out = append(out, s)
		}
		return out, nil
	}
	return k
}

func networks() kind[[]netip.Prefix] {
	k := kind[[]netip.Prefix]{
		name:    "list of networks",
		allowed: "IP addresses and networks such as 10.0.0.0/8, as a JSON list or with commas between them",
	}
	k.parse = func(r raw) ([]netip.Prefix, error) {
		items, err := lists(true).parse(r)
		if err != nil {
			return nil, err
		}
		out := make([]netip.Prefix, 0, len(items))
		for _, item := range items {
			if a, err := netip.ParseAddr(item); err == nil {
				out = append(out, netip.PrefixFrom(a, a.BitLen()))
				continue
			}
			p, err := netip.ParsePrefix(item)
			if err != nil {
				return nil, errRefused
			}
			out = append(out, p.Masked())
		}
		return out, nil
	}
	return k
}

func objects() kind[map[string]any] {
	return kind[map[string]any]{name: "object", allowed: `a JSON object, such as {"name": "value"}`, parse: func(r raw) (map[string]any, error) {
		m, ok := r.value.(map[string]any)
		if !ok {
			return nil, errRefused
		}
		return m, nil
	}}
}

func textMaps() kind[map[string]string] {
	k := kind[map[string]string]{name: "object of texts", allowed: `a JSON object whose values are texts, such as {"name": "text"}`}
	k.parse = func(r raw) (map[string]string, error) {
		m, ok := r.value.(map[string]any)
		if !ok {
			return nil, errRefused
		}
		out := make(map[string]string, len(m))
		for name, value := range m {
			s, ok := value.(string)
			if !ok {
				return nil, fmt.Errorf("%q is not a text", name)
			}
			out[name] = s
		}
		return out, nil
	}
	return k
}

func databases() kind[Database] {
	k := kind[Database]{name: "address", allowed: "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE"}
	k.parse = func(r raw) (Database, error) {
		if path, ok := strings.CutPrefix(r.words(), "sqlite:"); ok {
			if strings.HasPrefix(path, "///") {
				path = path[2:]
			}
			if path == "" || strings.ContainsAny(path, "?\x00") || strings.HasPrefix(path, "//") {
				return Database{}, errRefused
			}
			path, err := filepath.Abs(path)
			return Database{Driver: "sqlite", Path: path}, err
		}
		u, err := url.Parse(r.words())
		if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || strings.Trim(u.Path, "/") == "" {
			return Database{}, errRefused
		}
		return Database{Driver: "postgres", URL: Secret(r.words())}, nil
	}
	k.show = func(d Database) string {
		if d.Driver == "sqlite" {
			return "sqlite:" + d.Path
		}
		u, err := url.Parse(d.URL.Reveal())
		if err != nil {
			return mask
		}
		u.RawQuery = "" // may hold a password as well
		return u.Redacted()
	}
	return k
}
