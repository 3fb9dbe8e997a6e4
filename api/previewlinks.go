package api

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// staticPlaces are the addresses of the static files of published courses, as
// builds and A+ are told.
type staticPlaces struct {
	path string // begins and ends with a slash
	host string // scheme and host; empty: that of the service
}

// maxRewritten bounds the pages whose links are made the preview's own.
const maxRewritten = 16 << 20

// previewLinks makes the links of a release its own.
type previewLinks struct {
	release course.Release
	base    string // of the service, as the caller reaches it
	statics staticPlaces
}

// path is where the preview begins, with a slash at its end.
func (l previewLinks) path() string {
	return "/preview/" + l.release.Key + "/" + l.release.Version + "/"
}

// policy is what browsers may do with pages of a preview. Where the published
// files have a host of their own, so that scripts of courses do not act for who
// reads them under the service's name, those of previews do not run at all.
func (l previewLinks) policy() string {
	const policy = "frame-ancestors 'none'; form-action 'none'; base-uri 'self'"
	own, err := url.Parse(l.base)
	statics, staticsErr := url.Parse(l.statics.host)
	if l.statics.host == "" || err == nil && staticsErr == nil && own.Host == statics.Host {
		return policy
	}
	return policy + "; script-src 'none'; object-src 'none'; frame-src 'none'"
}

// inDocument makes the addresses of a stored A+ document the preview's own.
func (l previewLinks) inDocument(stored []byte) ([]byte, error) {
	marker, err := jsonText(course.BaseURLMarker)
	if err != nil {
		return nil, err
	}
	files := regexp.MustCompile(regexp.QuoteMeta(string(marker)) + "/(model|exercise_template)/" + regexp.QuoteMeta(l.release.Key) + "/")
	out := files.ReplaceAll(stored, fmt.Appendf(nil, "%s%s${1}/", marker, l.path()))
	return l.replaced(out, string(marker), string(marker)), nil
}

// inPage makes the links of a page, a style sheet or a script the preview's own.
func (l previewLinks) inPage(text []byte) []byte { return l.replaced(text, l.base, "") }

// replaced lets what leads to the published static files lead to the release's.
// Links without a host are known by what stands before them.
func (l previewLinks) replaced(text []byte, base, to string) []byte {
	names := []string{regexp.QuoteMeta(l.release.Key)}
	if l.release.RemoteID != nil {
		names = append(names, strconv.FormatInt(*l.release.RemoteID, 10))
	}
	hosts := []string{regexp.QuoteMeta(base)}
	if u, err := url.Parse(l.statics.host); err == nil && u.Host != "" {
		hosts = append(hosts, regexp.QuoteMeta(u.Scheme+"://"+u.Host), regexp.QuoteMeta("//"+u.Host))
	}
	pattern := "(?:(?:" + strings.Join(hosts, "|") + ")|(^|[\"'`(=\\s,]))" +
		regexp.QuoteMeta(l.statics.path) + "(?:" + strings.Join(names, "|") + ")/"
	return regexp.MustCompile(pattern).ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(to+l.path(), "$", "$$")+"static/"))
}

// send answers with a file; of pages, style sheets and scripts the links are made
// the preview's own.
func (l previewLinks) send(c *gin.Context, f *os.File, info fs.FileInfo, kind string) error {
	linking := slices.ContainsFunc([]string{"text/html", "text/css", "text/javascript"}, func(k string) bool { return strings.HasPrefix(kind, k) })
	if !linking || info.Size() > maxRewritten {
		sendFile(c, f, info, kind)
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxRewritten+1))
	if err != nil {
		return fmt.Errorf("file of release %s: %w", l.release.Version, err)
	}
	c.Header("Content-Type", kind)
	c.Header("Etag", strings.TrimSuffix(etag(info), `"`)+"-"+l.release.Version+`"`)
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(l.inPage(text)))
	return nil
}

// isLocal says whether a path stays below the folder that it is taken from.
func isLocal(name string) bool { return filepath.IsLocal(name) && !strings.ContainsRune(name, 0) }

func sortedNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
