package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
)

// buildsPerCourse is what a course has after a year or two; of each, a log of some
// kilobytes and six steps.
const buildsPerCourse = 10

// BenchmarkScale fills a database with courses, each with some builds, and measures
// in milliseconds what a push costs there (request, claim and finish of a build),
// a look at the first page of courses, at one course's builds, at all that is open
// with a thousand builds waiting, and the size of the database for a build in kB.
func BenchmarkScale(b *testing.B) {
	server := postgrestest.Start(b)
	for _, courses := range []int{10, 1_000, 100_000} {
		b.Run(fmt.Sprint(courses, " courses"), func(b *testing.B) {
			name := server.Database(b)
			s := open(b, postgres.Options{URL: server.Address(name), Migrate: true})
			fillCourses(b, server, name, courses)
			keys := rand.New(rand.NewPCG(1, 2))
			some := func() string { return fmt.Sprint("course", 1+keys.IntN(courses)) }
			const rounds = 200
			took := map[string]time.Duration{}
			measure := func(what string, do func() error) {
				begun := time.Now()
				if err := do(); err != nil {
					b.Fatalf("%s: %v", what, err)
				}
				took[what] += time.Since(begun)
			}
			for b.Loop() {
				for i := range rounds {
					key := some()
					measure("push", func() error { return push(b, s, key, strconv.Itoa(i)) })
					measure("courses", func() error {
						_, err := s.ListCourses(b.Context(), course.Page{Limit: 50})
						return err
					})
					measure("builds", func() error {
						_, err := s.ListBuilds(b.Context(), key, course.Page{Limit: 20})
						return err
					})
					measure("open", func() error {
						_, err := s.OpenBuilds(b.Context(), 10_000)
						return err
					})
				}
			}
			for what, sum := range took {
				b.ReportMetric(float64(sum.Microseconds())/1000/float64(b.N*rounds), what+"-ms")
			}
			size, err := strconv.ParseFloat(server.Exec(name, "SELECT pg_database_size(current_database())"), 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(size/1000/float64(courses*buildsPerCourse), "kB/build")
		})
	}
}

// push takes a build from its request to its end.
func push(b *testing.B, s *postgres.Store, key, run string) error {
	b.Helper()
	if _, err := s.RequestBuild(b.Context(), key, course.BuildRequest{Trigger: course.TriggerHook}); err != nil {
		return err
	}
	claimed, ok, err := s.ClaimBuild(b.Context(), key, run, nil)
	if err != nil || !ok {
		return fmt.Errorf("claim: %v, %w", ok, err)
	}
	_, err = s.FinishBuild(b.Context(), claimed.ID, course.BuildResult{Status: course.StatusSuccess})
	return err
}

// fillCourses makes courses as they are after years. A thousand of the builds wait, at
// most one of a course.
func fillCourses(b *testing.B, server *postgrestest.Server, name string, courses int) {
	b.Helper()
	server.Exec(name, fmt.Sprintf(`INSERT INTO courses (key, git_origin, git_branch, update_hook, email_on_error,
			update_automatically, skip_build_failsafes, webhook_secret, created_at, build_host)
		SELECT 'course' || n, 'https://git.example.org/org' || n %% 100 || '/course' || n || '.git', 'main', '', true, true, false,
			md5(n::text), now(), 'host' || n %% 20 FROM generate_series(1, %d) n`, courses))
	server.Exec(name, fmt.Sprintf(`INSERT INTO builds (course_id, status, skip_git, skip_build, skip_notify, rebuild_all,
			build_image, build_command, requested_by, request_ip, requested_at, started_at, finished_at, commit_hash, version, host, run_id)
		SELECT c.id, 'SUCCESS', false, false, false, false, '', '', 'hook', '192.0.2.1', now(), now(), now(),
			md5(n::text) || 'abcdef01', md5(n::text), 'host1', md5(n::text)
		FROM generate_series(1, %d) n, courses c`, buildsPerCourse))
	server.Exec(name, `INSERT INTO build_steps (build_id, name, started_at, finished_at, outcome)
		SELECT b.id, 'step' || n, now(), now(), 'ok' FROM builds b, generate_series(1, 6) n`)
	server.Exec(name, `UPDATE builds SET status = 'PENDING', finished_at = NULL, started_at = NULL
		WHERE id IN (SELECT max(id) FROM builds GROUP BY course_id ORDER BY 1 LIMIT 1000)`)
	server.Exec(name, "ANALYZE")
}
