package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// nextOffsetHeader tells where to read on when the build runs.
const nextOffsetHeader = "Log-Next-Offset"

// buildLog answers GET /api/v1/courses/KEY/builds/ID/log: what there is from
// the byte ?offset= on.
func buildLog(g *gate, rows buildFinder, logs Logs) handler {
	return func(c *gin.Context) error {
		_, b, err := g.build(c, Read, rows)
		if err != nil {
			return err
		}
		offset, err := readOffset(c.DefaultQuery("offset", "0"))
		if err != nil {
			return err
		}
		text, next, err := wholeLog(c.Request.Context(), logs, b.ID, offset)
		if err != nil {
			return err
		}
		c.Header(nextOffsetHeader, strconv.FormatInt(next, 10))
		writeText(c, http.StatusOK, text)
		return nil
	}
}

func readOffset(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, &course.FieldErrors{Fields: []course.FieldError{{
			Field: "offset", Message: "Give a number of bytes, 0 or more.",
		}}}
	}
	return n, nil
}

// wholeLog reads a log from the offset to its present end. The store bounds
// its size.
func wholeLog(ctx context.Context, logs Logs, id, offset int64) (text string, next int64, err error) {
	var out strings.Builder
	for {
		chunks, next, err := logs.ReadLog(ctx, id, offset)
		if err != nil {
			return "", 0, err
		}
		if len(chunks) == 0 {
			return out.String(), offset, nil
		}
		for _, chunk := range chunks {
			out.WriteString(chunk.Text)
		}
		offset = next
	}
}
