package api

import (
	"bytes"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"coursewright/internal/course"
)

// formOptions reads build options from a form body and the query, of which the
// query wins, as gitmanager does. The image and the command are read for
// trusted callers only. A body that is no form holds no options.
func formOptions(r *http.Request, body []byte, trusted bool) course.BuildOptions {
	form, query := bodyForm(r.Header.Get("Content-Type"), body), r.URL.Query()
	value := func(name string) string {
		if query.Has(name) {
			return query.Get(name)
		}
		return form.Get(name)
	}
	on := func(name string) bool { return value(name) == "on" || value(name) == "true" }
	out := course.BuildOptions{
		SkipGit: on("skip_git"), SkipBuild: on("skip_build"),
		SkipNotify: on("skip_notify"), RebuildAll: on("rebuild_all"),
	}
	if trusted {
		out.BuildImage, out.BuildCommand = value("build_image"), value("build_command")
	}
	return out
}

func bodyForm(contentType string, body []byte) url.Values {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		return parsePairs(string(body))
	case "multipart/form-data":
		const inMemory = 1 << 20
		form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(inMemory)
		if err != nil {
			return nil
		}
		// Files, of which options have none, may lie in temporary files.
		_ = form.RemoveAll()
		return form.Value
	}
	return nil
}

// maxPairs is Django's limit as well.
const maxPairs = 1000

// parsePairs reads a form as Django does, which takes nothing for an error: a
// semicolon and a percent sign that begins no escape stand for themselves.
// url.ParseQuery leaves such pairs out. A form with too many fields holds none.
func parsePairs(body string) url.Values {
	form := url.Values{}
	if strings.Count(body, "&") > maxPairs {
		return form
	}
	for pair := range strings.SplitSeq(body, "&") {
		if name, value, _ := strings.Cut(pair, "="); pair != "" {
			form.Add(unescape(name), unescape(value))
		}
	}
	return form
}

// stray finds percent signs that begin no escape, and escapes.
var stray = regexp.MustCompile(`%([0-9a-fA-F]{2})?`)

func unescape(s string) string {
	out, err := url.QueryUnescape(stray.ReplaceAllStringFunc(s, func(sign string) string {
		if sign == "%" {
			return "%25"
		}
		return sign
	}))
	if err != nil { // not reached: no stray sign is left
		return s
	}
	return out
}
