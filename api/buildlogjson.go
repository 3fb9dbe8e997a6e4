package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// aplusTime is the form of times that A+ shows as local time.
const aplusTime = "2006-01-02T15:04:05.000Z"

// buildLogBody is gitmanager's answer. A+ crashes on an updated build without
// updated_time, so Updated is true for ended builds only.
type buildLogBody struct {
	BuildLog    *string       `json:"build_log"`
	RequestIP   string        `json:"request_ip"`
	RequestTime string        `json:"request_time"`
	Updated     bool          `json:"updated"`
	UpdatedTime *string       `json:"updated_time"`
	Status      course.Status `json:"status"`
}

// buildLogJSON answers /gitmanager/KEY/build_log-json: the newest build that
// was not skipped, or an empty object, which A+ shows as an empty log.
func buildLogJSON(g *gate, rows BuildRows, logs Logs) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, true)
		if err != nil {
			return err
		}
		latest, err := rows.LatestBuilds(c.Request.Context(), []int64{found.ID})
		if err != nil {
			return err
		}
		b, ok := latest[found.ID]
		if !ok {
			answer(c, http.StatusOK, gin.H{})
			return nil
		}
		out := buildLogBody{
			RequestIP: b.RequestIP, RequestTime: b.RequestedAt.UTC().Format(aplusTime), Status: b.Status,
			Updated: !b.FinishedAt.IsZero(), UpdatedTime: aplusTimeOf(b.FinishedAt),
		}
		text, err := wholeLog(c.Request.Context(), logs, b.ID)
		if err != nil {
			return err
		}
		if text != "" {
			out.BuildLog = &text
		}
		answer(c, http.StatusOK, out)
		return nil
	}
}

func aplusTimeOf(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format(aplusTime))
}
