package course

import "time"

// KeptClosings is how many of the builds that the sweeper has closed are told.
const KeptClosings = 1000

// Sweep is what one look at all builds that are not final has found and done.
type Sweep struct {
	EndedAt   time.Time     // when it was recorded
	By        string        // the process that did it
	Took      time.Duration // of looking
	Running   int           // builds that are RUNNING and whose workflow runs
	Pending   int           // builds that wait
	Closed    int           // builds that were closed, since their workflow was gone
	Signalled int           // courses whose workflow was told of waiting builds
	Courses   []string      // some of those
	Trouble   string        // what kept it from judging all rows; empty: nothing
}

// Closing is a build that the sweeper has given its final status.
type Closing struct {
	ID      int64
	At      time.Time
	Course  string // the key that the course had then
	BuildID int64
	Reason  string
}
