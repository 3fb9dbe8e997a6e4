package store

import (
	"strings"

	"coursewright/internal/course"
)

const (
	maxLogRow   = 64 << 10 // bytes of one row of a log, at most
	maxLogReply = 1 << 20  // bytes after which ReadLog answers
)

// EndsWithLine says whether the newest row of a log ends with a line that is to be
// added. Each append makes rows of its own, so a row has no line in part unless that
// is very long.
func EndsWithLine(newest, line string) bool {
	before, found := strings.CutSuffix(newest, line)
	return found && line != "" && (before == "" || strings.HasSuffix(before, "\n"))
}

// LogRow is a piece of a log as it is kept. Its place is its offset in the whole
// output, dropped output included.
type LogRow struct {
	Start int64
	Text  string
}

// LogPlan is what an append does to the rows of a log.
type LogPlan struct {
	Add []LogRow
	// Head is the length of the head when this append has filled it, else 0.
	Head int64
	// Rows of the tail that start in [DropFrom, DropTo) are deleted.
	DropFrom, DropTo int64
}

// PlanAppend says how text is added to a log whose output has end bytes so far.
// head is the length of the head once it is full, 0 before. The head is filled
// first; what follows goes to the tail, whose oldest rows are deleted.
func PlanAppend(head, end int64, text string, caps LogCaps) LogPlan {
	var p LogPlan
	if head == 0 {
		n := CutLog(text, caps.Head-end)
		end = p.add(end, text[:n], maxLogRow)
		if text = text[n:]; text == "" {
			return p
		}
		head = end
		p.Head = head
	}
	skip := SkipLog(text, int64(len(text))-caps.Tail)
	// Small rows: the tail is cut by whole ones and should not lose much.
	end = p.add(end+int64(skip), text[skip:], min(maxLogRow, caps.Tail/8))
	p.DropFrom, p.DropTo = head, max(head, end-caps.Tail)
	return p
}

// add plans text at an offset, in rows of at most limit bytes, and gives the
// offset of its end.
func (p *LogPlan) add(start int64, text string, limit int64) int64 {
	for text != "" {
		n := CutLog(text, limit)
		p.Add = append(p.Add, LogRow{Start: start, Text: text[:n]})
		start += int64(n)
		text = text[n:]
	}
	return start
}

// LogReply collects the chunks of one answer of ReadLog from rows in order.
// Next, the offset to read on from, begins as the one that is asked for.
type LogReply struct {
	Chunks []course.LogChunk
	Next   int64
	bytes  int
}

// Full says whether the answer has all that one call gives.
func (r *LogReply) Full() bool { return r.bytes >= maxLogReply }

// Add takes one row of the log. A row may begin before the place that is read
// from; what lies between that place and a row that begins after it is gone.
func (r *LogReply) Add(row LogRow) {
	if gone := row.Start - r.Next; gone > 0 {
		r.Chunks = append(r.Chunks, course.LogChunk{Offset: r.Next, Text: DroppedText(gone), Dropped: true})
		r.Next = row.Start
	}
	skip := SkipLog(row.Text, r.Next-row.Start)
	if skip == len(row.Text) {
		// A place inside the last character is moved behind it.
		r.Next = max(r.Next, row.Start+int64(len(row.Text)))
		return
	}
	text := row.Text[skip:]
	start := row.Start + int64(skip)
	r.Chunks = append(r.Chunks, course.LogChunk{Offset: start, Text: text})
	r.Next = start + int64(len(text))
	r.bytes += len(text)
}
