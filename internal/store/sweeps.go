package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"coursewright/internal/course"
)

// Sweeps keeps what the sweeper does, for administrators, and spreads its turns
// over the processes that can do it.
type Sweeps interface {
	// BeginSweep takes the next turn: ok is false while another turn began less
	// than every ago, by the store's clock. A process that takes a turn and dies
	// holds nobody up for longer than that.
	BeginSweep(ctx context.Context, by string, every time.Duration) (ok bool, err error)
	// RecordSweep replaces what is told of the latest sweep; its EndedAt is the
	// store's to give.
	RecordSweep(ctx context.Context, s course.Sweep) error
	// LastSweep gives the latest sweep that was recorded, ErrNotFound before the
	// first one.
	LastSweep(ctx context.Context) (course.Sweep, error)
	// RecordClosing notes a build that the sweeper has closed; its id and time
	// are the store's to give. The newest course.KeptClosings are kept.
	RecordClosing(ctx context.Context, c course.Closing) error
	// ListClosings gives a page of them, newest first.
	ListClosings(ctx context.Context, p course.Page) ([]course.Closing, error)
}

// sweepRow is a sweep as databases keep it.
type sweepRow struct {
	By        string   `json:"by,omitempty"`
	TookMS    int64    `json:"took_ms"`
	Running   int      `json:"running"`
	Pending   int      `json:"pending"`
	Closed    int      `json:"closed"`
	Signalled int      `json:"signalled"`
	Courses   []string `json:"courses,omitempty"`
	Trouble   string   `json:"trouble,omitempty"`
}

// EncodeSweep writes all of a sweep but its end as a text for one column.
func EncodeSweep(s course.Sweep) (string, error) {
	row := sweepRow{
		By: CleanText(s.By), TookMS: s.Took.Milliseconds(), Running: s.Running, Pending: s.Pending,
		Closed: s.Closed, Signalled: s.Signalled, Courses: s.Courses, Trouble: CleanText(s.Trouble),
	}
	text, err := json.Marshal(row)
	if err != nil { // not reached: texts and numbers always encode
		return "", fmt.Errorf("report of a sweep: %w", err)
	}
	return string(text), nil
}

// DecodeSweep is the inverse of EncodeSweep.
func DecodeSweep(text string) (course.Sweep, error) {
	var row sweepRow
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		return course.Sweep{}, fmt.Errorf("report of a sweep: %w", err)
	}
	return course.Sweep{
		By: row.By, Took: time.Duration(row.TookMS) * time.Millisecond, Running: row.Running, Pending: row.Pending,
		Closed: row.Closed, Signalled: row.Signalled, Courses: row.Courses, Trouble: row.Trouble,
	}, nil
}
