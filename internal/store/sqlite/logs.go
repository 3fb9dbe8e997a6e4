package sqlite

import (
	"context"
	"errors"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const (
	maxChunk    = 64 << 10 // bytes of one row of a log, at most
	maxLogReply = 1 << 20  // bytes after which ReadLog answers
)

// errEnough ends the reading of rows.
var errEnough = errors.New("enough")

// AppendLog adds text at the end of a build's log; see store.Logs.
func (s *Store) AppendLog(ctx context.Context, buildID int64, text string) error {
	err := store.CheckLogText(text)
	if err == nil {
		err = s.quick.tx(ctx, func(t *tx) error { return t.appendLog(buildID, text, s.caps) })
	}
	return s.wrapRow(err, "append to the log of build %d", buildID)
}

// appendLog fills the head first. What follows goes to the tail, whose oldest
// chunks are deleted.
func (t *tx) appendLog(buildID int64, text string, caps store.LogCaps) error {
	var head, end int64 // the head's length once it is full, that of the whole output
	if err := t.row("SELECT log_head FROM builds WHERE id = ?", buildID).Scan(&head); err != nil {
		return err
	}
	_, err := t.found([]any{&end}, "SELECT start + bytes FROM build_logs WHERE build_id = ? ORDER BY start DESC LIMIT 1", buildID)
	if err != nil {
		return err
	}
	if head == 0 {
		n := store.CutLog(text, caps.Head-end)
		if end, err = t.addChunks(buildID, end, text[:n], maxChunk); err != nil {
			return err
		}
		if text = text[n:]; text == "" {
			return nil
		}
		head = end
		if _, err := t.exec("UPDATE builds SET log_head = ? WHERE id = ?", head, buildID); err != nil {
			return err
		}
	}
	skip := store.SkipLog(text, int64(len(text))-caps.Tail)
	// Small chunks: the tail is cut by whole ones and should not lose much.
	end, err = t.addChunks(buildID, end+int64(skip), text[skip:], min(maxChunk, caps.Tail/8))
	if err != nil {
		return err
	}
	_, err = t.exec("DELETE FROM build_logs WHERE build_id = ? AND start >= ? AND start < ?", buildID, head, end-caps.Tail)
	return err
}

// addChunks adds text at an offset, in rows of at most limit bytes, and gives
// the offset of its end.
func (t *tx) addChunks(buildID, start int64, text string, limit int64) (int64, error) {
	for text != "" {
		n := store.CutLog(text, limit)
		_, err := t.exec("INSERT INTO build_logs (build_id, start, bytes, text) VALUES (?, ?, ?, ?)",
			buildID, start, n, text[:n])
		if err != nil {
			return start, err
		}
		start += int64(n)
		text = text[n:]
	}
	return start, nil
}

// ReadLog gives the log from an offset on; see store.Logs.
func (s *Store) ReadLog(ctx context.Context, buildID, offset int64) ([]course.LogChunk, int64, error) {
	r := logReply{next: max(offset, 0)}
	// One statement sees one state of the log, so that a chunk that is dropped
	// meanwhile is either here or in the gap.
	err := s.read.rows(ctx, r.add, `SELECT start, text FROM build_logs WHERE build_id = ?1 AND start >= coalesce(
			(SELECT start FROM build_logs WHERE build_id = ?1 AND start <= ?2 ORDER BY start DESC LIMIT 1), 0)
		ORDER BY start`, buildID, r.next)
	if err != nil && !errors.Is(err, errEnough) {
		return nil, offset, s.wrap(err, "read the log of build %d", buildID)
	}
	if len(r.chunks) == 0 {
		var id int64
		if err := s.read.row(ctx, "SELECT id FROM builds WHERE id = ?", buildID).Scan(&id); err != nil {
			return nil, offset, s.wrapRow(err, "read the log of build %d", buildID)
		}
	}
	return r.chunks, r.next, nil
}

// logReply collects the chunks of one answer.
type logReply struct {
	chunks []course.LogChunk
	next   int64 // offset of what comes next
	bytes  int
}

// add takes one row of the log. A row may begin before the place that is read
// from; what lies between that place and a row that begins after it is gone.
func (r *logReply) add(row rowScanner) error {
	if r.bytes >= maxLogReply {
		return errEnough
	}
	var start int64
	var text string
	if err := row.Scan(&start, &text); err != nil {
		return err
	}
	if gone := start - r.next; gone > 0 {
		r.chunks = append(r.chunks, course.LogChunk{Offset: r.next, Text: store.DroppedText(gone), Dropped: true})
		r.next = start
	}
	skip := store.SkipLog(text, r.next-start)
	if skip == len(text) {
		// A place inside the last character is moved behind it.
		r.next = max(r.next, start+int64(len(text)))
		return nil
	}
	text = text[skip:]
	start += int64(skip)
	r.chunks = append(r.chunks, course.LogChunk{Offset: start, Text: text})
	r.next = start + int64(len(text))
	r.bytes += len(text)
	return nil
}
