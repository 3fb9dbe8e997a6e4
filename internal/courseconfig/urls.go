package courseconfig

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"coursewright/internal/course"
)

// staticURL gives the address of a page of the static folder: the base, which
// stays open, and the percent-encoded path.
func (l *loader) staticURL(page string) string {
	p := l.settings.StaticURL + l.settings.Key + "/" + page
	if strings.Contains(p, "/./") || strings.Contains(p, "/../") {
		p = resolveDots(p)
	}
	return course.BaseURLMarker + encodePath(p)
}

// encodePath percent-encodes what may not stand in the path of an address. What
// is encoded already stays as it is.
func encodePath(s string) string {
	const stays = "-._~/%[]=:;$&()+,!*@'" // and letters and digits
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', isDigit(c), strings.IndexByte(stays, c) >= 0:
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}

// resolveDots drops single dots from the path of an address, and each pair of
// dots with the part before it.
func resolveDots(p string) string {
	var out []string
	parts := strings.Split(p, "/")
	for _, part := range parts {
		switch part {
		case ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, part)
		}
	}
	if last := parts[len(parts)-1]; last == "." || last == ".." {
		out = append(out, "")
	}
	joined := strings.Join(out, "/")
	if !strings.HasPrefix(joined, "/") {
		joined = "/" + joined
	}
	return joined
}

// slug is what the service's addresses take as an exercise key.
var slug = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// fileURL gives the address of a model or template file of an exercise.
func (l *loader) fileURL(route, exercise, file, language string) string {
	u := course.BaseURLMarker + "/" + route + "/" + l.settings.Key + "/" + exercise + "/" + url.PathEscape(lastPart(file))
	if language != "" {
		u += "?lang=" + language
	}
	return u
}

// lastPart is what stands after the last slash.
func lastPart(file string) string { return file[strings.LastIndexByte(file, '/')+1:] }

// headURL gives the address of a file of the static folder on the host for
// static content. Its path is resolved but not encoded.
func headURL(host, staticURL, key, file string) string {
	base, err := url.Parse(host)
	if err != nil || base.Scheme == "" {
		return path.Join(staticURL, key, file)
	}
	p, rest := staticURL+key+"/"+file, ""
	p = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(p) // as Python's urljoin
	if i := strings.IndexAny(p, "?#"); i >= 0 {
		p, rest = p[:i], strings.TrimSuffix(strings.Replace(p[i:], "?#", "#", 1), "#")
		rest = strings.TrimSuffix(rest, "?")
	}
	origin := base.Scheme + "://"
	if base.User != nil {
		origin += base.User.String() + "@"
	}
	return origin + base.Host + resolveDots(p) + rest
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
