package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// campaignCourse is a course of a campaign and what was pushed to it.
type campaignCourse struct {
	key        string
	repo       *gitrepotest.Repo
	slow       bool
	commits    int
	commit     string         // the newest
	numbers    map[string]int // of commits, by hash
	accepted   []int          // the newest commit at each push that was answered with success
	unanswered int            // pushes that were answered by nobody: a build may have been made
}

// campaignScript is a build that every host can run, in containers or not. It
// prints numbered lines and writes each into a journal that all hosts share, under
// a name of this try. The first try of another takes the course's lock over: one
// that still runs then sees it and fails.
const campaignScript = `try=$(cat /proc/sys/kernel/random/uuid)
shared=%[1]s/$COURSE_KEY
echo "$try" >"$shared.lock"
step() {
	read -r owner <"$shared.lock"
	if [ "$owner" != "$try" ]; then
		echo "$try twice" >>"$shared.journal"
		echo "BUILT TWICE: $owner builds the course as well"
		exit 9
	fi
	echo "$try $1" >>"$shared.journal"
	echo "try $try $1"
}
step begins
i=1
while [ $i -le %[2]d ]; do
	sleep 0.5
	step $i
	i=$((i + 1))
done
step ends
`

// shared is the folder that all hosts see, as a lock server would be.
func (c *campaign) shared() string { return c.d.path("shared") }

// campaignTitle is the name of a course after so many commits.
func campaignTitle(commits int) string { return fmt.Sprint("Title", commits) }

func (c *campaign) addCourses() {
	c.tb.Helper()
	if err := os.Mkdir(c.shared(), 0o755); err != nil {
		c.tb.Fatal(err)
	}
	for i := range c.scale.courses {
		k := &campaignCourse{key: fmt.Sprintf("course%02d", i), repo: gitrepotest.New(c.tb), slow: i%c.scale.slow == 0, numbers: map[string]int{}}
		for _, name := range []string{".lock", ".journal"} {
			if err := os.WriteFile(filepath.Join(c.shared(), k.key+name), nil, 0o644); err != nil {
				c.tb.Fatal(err)
			}
		}
		c.commit(k)
		c.api.addCourse(k.key, k.repo.URL(), nil)
		c.courses = append(c.courses, k)
	}
}

// lines is how many lines a build of the course prints.
func (c *campaign) lines(k *campaignCourse) int {
	if k.slow {
		return c.scale.lines[1]
	}
	return c.scale.lines[0]
}

func (c *campaign) commit(k *campaignCourse) {
	c.tb.Helper()
	k.commits++
	title := campaignTitle(k.commits)
	k.commit = k.repo.Commit(containerCourse(title, fmt.Sprintf(campaignScript, c.shared(), c.lines(k))), title)
	k.numbers[k.commit] = k.commits
}

// push calls the course's hook at any of the apis, as a proxy does that asks the
// next one when one does not answer. A push is refused only while something is
// wrong that the pusher can see.
func (c *campaign) push(k *campaignCourse) {
	c.tb.Helper()
	well := c.state.well()
	broken, err := c.post(c.tb.Context(), "/gitmanager/"+k.key+"/hook", c.pushes.Uint64())
	k.unanswered += broken
	switch {
	case err == nil:
		k.accepted = append(k.accepted, k.commits)
		c.count(ofPushes, "accepted", 1)
	case well && c.state.well():
		c.violation("push to %s while all was well: %v", k.key, err)
	default:
		c.count(ofPushes, "refused", 1)
	}
}

// post sends an empty form to each of the apis in turn, from the one on that pick
// chooses, until one does what it asks. broken is how many may have done it without
// saying so.
func (c *campaign) post(ctx context.Context, path string, pick uint64) (broken int, err error) {
	for range c.apis {
		var status int
		status, err = postTo(ctx, c.apis[pick%uint64(len(c.apis))].base()+path)
		pick++
		if err == nil && status == http.StatusOK {
			return broken, nil
		}
		if err != nil || status >= http.StatusInternalServerError {
			broken++
		}
		if err == nil {
			err = fmt.Errorf("status %d", status)
		}
	}
	return broken, err
}

// patience is how long a pusher waits for an answer.
const patience = 10 * time.Second

func postTo(ctx context.Context, address string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, errors.Join(err, res.Body.Close())
}

// pushUntil pushes to courses at random, now and then many times at once.
func (c *campaign) pushUntil(end time.Time) {
	c.tb.Helper()
	const burst = 10
	r := c.pushes
	some := func() *campaignCourse { return c.courses[r.IntN(len(c.courses))] }
	for time.Now().Before(end) {
		k := some()
		switch r.IntN(10) {
		case 0: // one course, many times
			c.commit(k)
			for range burst {
				c.push(k)
			}
		case 1: // many courses at once
			for range burst {
				c.push(some())
			}
		case 2: // nothing new
			c.push(k)
		default:
			c.commit(k)
			c.push(k)
		}
		if err := pause(c.tb.Context(), c.scale.pause.pick(r)); err != nil {
			c.tb.Fatal(err)
		}
	}
}

// rows lists all builds of a course, newest first.
func (c *campaign) rows(key string) []buildJSON {
	c.tb.Helper()
	var out []buildJSON
	for before := int64(1 << 60); ; {
		var page struct {
			Items []buildJSON `json:"items"`
		}
		c.api.getJSON(fmt.Sprintf("/api/v1/courses/%s/builds?limit=200&before=%d", key, before), &page)
		if len(page.Items) == 0 {
			return out
		}
		out = append(out, page.Items...)
		before = out[len(out)-1].ID
	}
}

// settle waits until every row of every course is final, and says how long that
// took.
func (c *campaign) settle(limit time.Duration) (took time.Duration) {
	c.tb.Helper()
	begin := time.Now()
	c.api = c.apis[0].program
	for _, k := range c.courses {
		for {
			open := c.open(k.key)
			if len(open) == 0 {
				break
			}
			if time.Since(begin) > limit {
				c.broken("P2", "%s: after %s builds are open: %+v\n%s", k.key, limit, open, c.api.log(k.key, open[len(open)-1].ID))
				break
			}
			if err := pause(c.tb.Context(), 100*time.Millisecond); err != nil {
				c.tb.Fatal(err)
			}
		}
	}
	return time.Since(begin)
}

// open lists the builds of a course that are not final.
func (c *campaign) open(key string) (out []buildJSON) {
	c.tb.Helper()
	for _, b := range c.rows(key) {
		if !course.Status(b.Status).Final() {
			out = append(out, b)
		}
	}
	return out
}
