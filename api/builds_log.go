package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// nextOffsetHeader tells where to read on when the build runs.
const nextOffsetHeader = "Log-Next-Offset"

// buildLog answers GET /api/v1/courses/KEY/builds/ID/log: what there is from
// the byte ?offset= on, about ?limit= bytes if that is given. ?download=true has
// browsers save it.
func buildLog(g *gate, rows buildFinder, logs Logs) handler {
	return func(c *gin.Context) error {
		found, b, err := g.build(c, Read, rows)
		if err != nil {
			return err
		}
		q := newQuery(c)
		offset, limit := q.number("offset", 0, 0, math.MaxInt64), q.number("limit", math.MaxInt64, 1, math.MaxInt64)
		download := choice(q, "download", "true", "false") == "true"
		if err := q.finish(); err != nil {
			return err
		}
		text, next, err := readLog(c.Request.Context(), logs, b.ID, offset, limit)
		if err != nil {
			return err
		}
		c.Header(nextOffsetHeader, strconv.FormatInt(next, 10))
		c.Header("Cache-Control", "private, no-cache")
		if download {
			c.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-build-%d.log"`, found.Key, b.ID))
		}
		writeText(c, http.StatusOK, text)
		return nil
	}
}

// readLog reads a log from the offset, up to the first end of a piece at which
// limit bytes are read, and cuts the last piece to that.
func readLog(ctx context.Context, logs Logs, id, offset, limit int64) (text string, next int64, err error) {
	var out strings.Builder
	for {
		chunks, end, err := logs.ReadLog(ctx, id, offset)
		if err != nil {
			return "", 0, err
		}
		if len(chunks) == 0 {
			return out.String(), offset, nil
		}
		for i, chunk := range chunks {
			room := limit - int64(out.Len())
			if int64(len(chunk.Text)) > room && !chunk.Dropped {
				n := cutText(chunk.Text, room)
				out.WriteString(chunk.Text[:n])
				return out.String(), chunk.Offset + int64(n), nil
			}
			out.WriteString(chunk.Text)
			if int64(out.Len()) >= limit && i+1 < len(chunks) {
				return out.String(), chunks[i+1].Offset, nil
			}
		}
		if offset = end; int64(out.Len()) >= limit {
			return out.String(), offset, nil
		}
	}
}

// cutText gives the length of a text's beginning of at most limit bytes that
// ends with a whole character; at least the first one.
func cutText(text string, limit int64) int {
	n := int(limit)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(text)
	}
	return n
}

// wholeLog reads a log to its present end. The store bounds its size.
func wholeLog(ctx context.Context, logs Logs, id int64) (string, error) {
	text, _, err := readLog(ctx, logs, id, 0, math.MaxInt64)
	return text, err
}
