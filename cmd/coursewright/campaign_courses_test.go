package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// campaignCourse is a course of a campaign and what was pushed to it.
type campaignCourse struct {
	key      string
	repo     *gitrepotest.Repo
	slow     bool
	commits  int
	commit   string // the newest
	accepted int    // pushes that were answered with success
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
		k := &campaignCourse{key: fmt.Sprintf("course%02d", i), repo: gitrepotest.New(c.tb), slow: i%c.scale.slow == 0}
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
}

// push calls the course's hook. The api is there all the time: every push is
// accepted.
func (c *campaign) push(k *campaignCourse) {
	c.tb.Helper()
	res, err := http.Post(c.api.base+"/gitmanager/"+k.key+"/hook", "application/x-www-form-urlencoded", nil)
	if err != nil {
		c.violation("push to %s: %v", k.key, err)
		return
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // it is read
	if err != nil || res.StatusCode != http.StatusOK {
		c.violation("push to %s: status %s, %v: %s", k.key, res.Status, err, text)
		return
	}
	k.accepted++
	c.count("pushes", 1)
}

// pushUntil pushes to courses at random, now and then many times at once.
func (c *campaign) pushUntil(end time.Time) {
	c.tb.Helper()
	const burst = 10
	r := rand.New(rand.NewPCG(c.seed, 1<<32))
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
	for _, k := range c.courses {
		for {
			open := c.open(k.key)
			if len(open) == 0 {
				break
			}
			if time.Since(begin) > limit {
				c.violation("%s: after %s builds are open: %+v\n%s", k.key, limit, open, c.api.log(k.key, open[len(open)-1].ID))
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
