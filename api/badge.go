package api

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// badgeRoute is a picture of how a course is doing, for its README. It is for
// everybody, since git hosts show it without a login, and tells no more than
// that.
const badgeRoute = "/gitmanager/:key/badge.svg"

// badgeAge is how long a badge may be shown without asking again, in seconds.
const badgeAge = 60

// badge answers GET /gitmanager/KEY/badge.svg. With ?show=published it tells
// whether what is built is published, else how the latest build ended. ?label=
// replaces the words on the left.
func badge(g *gate, rows BuildRows, releases Releases) handler {
	return func(c *gin.Context) error {
		found, err := g.find(c, c.Param("key"))
		if err != nil {
			return err
		}
		shown := badgeBody{label: "build"}
		if c.Query("show") == "published" {
			shown.label = "published"
			err = shown.published(releases, found.Key)
		} else {
			err = shown.build(c, rows, found.ID)
		}
		if err != nil {
			return err
		}
		if label := c.Query("label"); label != "" {
			shown.label = shorten(label)
		}
		svg, err := shown.svg()
		if err != nil {
			return err
		}
		tag := entityTag(svg)
		h := c.Writer.Header()
		h.Set("Cache-Control", "public, max-age="+strconv.Itoa(badgeAge))
		h.Set("Etag", tag)
		h.Set("Cross-Origin-Resource-Policy", "cross-origin") // other sites show it
		if hasTag(c.GetHeader("If-None-Match"), tag) {
			c.Status(http.StatusNotModified)
			c.Writer.WriteHeaderNow()
			return nil
		}
		c.Data(http.StatusOK, "image/svg+xml; charset=utf-8", svg)
		return nil
	}
}

// badgeBody is a badge before it is drawn.
type badgeBody struct{ label, message, color string }

// The colours of badges, dark enough for white letters (WCAG 2.2 AA).
const (
	badgeGood    = "#1a7f37"
	badgeBad     = "#b3261e"
	badgeBusy    = "#0b62b8"
	badgeNeutral = "#5f6368"
)

func (b *badgeBody) build(c *gin.Context, rows BuildRows, courseID int64) error {
	latest, err := rows.LatestBuilds(c.Request.Context(), []int64{courseID})
	if err != nil {
		return err
	}
	b.message, b.color = "none yet", badgeNeutral
	switch latest[courseID].Status {
	case course.StatusSuccess:
		b.message, b.color = "passing", badgeGood
	case course.StatusFailed:
		b.message, b.color = "failing", badgeBad
	case course.StatusRunning:
		b.message, b.color = "running", badgeBusy
	case course.StatusPending:
		b.message, b.color = "waiting", badgeBusy
	case course.StatusCancelled:
		b.message = "cancelled"
	case course.StatusSkipped: // never the latest
	}
	return nil
}

func (b *badgeBody) published(releases Releases, key string) error {
	published, err := releases.Published(key)
	switch {
	case isNotFound(err):
		b.message, b.color = "not yet", badgeNeutral
		return nil
	case err != nil:
		return err
	}
	b.message, b.color = published.PublishedAt.UTC().Format("2006-01-02"), badgeGood
	stored, err := releases.Stored(key)
	if isNotFound(err) {
		return nil
	}
	if err == nil && stored.Version != published.Version {
		b.message, b.color = b.message+", update waits", badgeBusy
	}
	return err
}

// maxBadgeText is how many characters of a label are shown.
const maxBadgeText = 40

func shorten(text string) string {
	runes := []rune(text)
	if len(runes) > maxBadgeText {
		return string(runes[:maxBadgeText-1]) + "…"
	}
	return text
}

// svg draws the badge. The widths of the letters are not known, so each text is
// told how wide it is.
func (b *badgeBody) svg() ([]byte, error) {
	const letter, room, height = 7, 10, 20
	label, err := escapedXML(b.label)
	if err != nil {
		return nil, err
	}
	message, err := escapedXML(b.message)
	if err != nil {
		return nil, err
	}
	left := utf8.RuneCountInString(b.label)*letter + room
	right := utf8.RuneCountInString(b.message)*letter + room
	text := func(x, width int, s string) string {
		return fmt.Sprintf(`<text x="%d" y="14" textLength="%d" lengthAdjust="spacingAndGlyphs">%s</text>`, x+width/2, width-room, s)
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" role="img" aria-labelledby="t">`+
		`<title id="t">%[3]s: %[4]s</title><g aria-hidden="true"><rect width="%[5]d" height="%[2]d" fill="#333"/><rect x="%[5]d" width="%[6]d" height="%[2]d" fill="%[7]s"/>`+
		`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">%[8]s%[9]s</g></g></svg>`+"\n",
		left+right, height, label, message, left, right, b.color, text(0, left, label), text(left, right, message)), nil
}

// escapedXML makes a text harmless inside an element; what XML cannot hold is
// replaced.
func escapedXML(text string) (string, error) {
	var out bytes.Buffer
	err := xml.EscapeText(&out, []byte(text))
	return out.String(), err
}
