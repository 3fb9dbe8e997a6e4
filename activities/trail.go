package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"coursewright/internal/buildlog"
)

// mark is what a try of the build command leaves to the next one, beside the
// log in the database. Heartbeats carry it for those who look at the step; they
// may be behind, since a worker can die between the log and the heartbeat.
type mark struct {
	Host    string `json:"host"`
	RunID   string `json:"run_id"`
	Handle  []byte `json:"handle"`             // the builder's token of what runs
	Written int64  `json:"written"`            // bytes of its output that are in the log
	MidLine bool   `json:"mid_line,omitempty"` // the log's last line waits for its end
	Missing bool   `json:"missing,omitempty"`  // more of the output may be lost

	Done done `json:"done,omitzero"`
}

// done is what a try of several steps has finished of them, so that the next try
// does not do it again.
type done struct {
	Activity string `json:"activity,omitempty"` // whose tries may go by it; empty: nothing is done
	Commit   string `json:"commit,omitempty"`   // as in CheckedOut
	Fresh    bool   `json:"fresh,omitempty"`    // as in CheckedOut
	Built    bool   `json:"built,omitempty"`    // the build command has succeeded
}

// readMark finds what an earlier try has left on this host; the zero mark when
// there is nothing of use.
func readMark(ctx context.Context, s TryStore, buildID int64, host, runID string) (mark, error) {
	text, err := s.Mark(ctx, buildID)
	if err != nil || text == "" {
		return mark{}, err
	}
	var m mark
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return mark{}, fmt.Errorf("mark of build %d: %w", buildID, err)
	}
	if m.Host != host || m.RunID != runID {
		return mark{}, nil
	}
	return m, nil
}

// trail follows a build command for the try that may come after this one.
type trail struct {
	mu    sync.Mutex
	base  int64 // output that earlier tries have brought to the log
	last  mark
	begun bool // something runs that a next try can find
	done  done // steps that came before
}

// begin says what runs. With adopted the output goes on where the earlier try
// stopped.
func (t *trail) begin(host, runID string, handle []byte, from mark, adopted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun, t.base = true, 0
	t.last = mark{Host: host, RunID: runID, Handle: handle, Done: t.done}
	if adopted {
		t.base = from.Written
		t.last.Written, t.last.MidLine, t.last.Missing = from.Written, from.MidLine, from.Missing
	}
}

// lose notes that output from here on may be lost.
func (t *trail) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last.Missing = true
}

// at gives the mark of a place of the log; empty while nothing runs.
func (t *trail) at(p buildlog.Place) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun {
		return ""
	}
	t.last.Written, t.last.MidLine = t.base+p.Written, p.MidLine
	return t.last.text()
}

// text is the mark as the database keeps it.
func (m mark) text() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "" // strings and numbers have no such error
	}
	return string(text)
}

// now gives the mark of what has begun and is not in the log yet.
func (t *trail) now() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last.text()
}

// details is what heartbeats tell.
func (t *trail) details() any {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun {
		return nil
	}
	return struct {
		Handle  string `json:"handle"`
		Written int64  `json:"written"`
	}{string(t.last.Handle), t.last.Written}
}
