package settings

import "time"

// Hosting are the settings of a build host.
type Hosting struct {
	Checkouts   int           // runs of git at a time
	Activities  int           // short activities at a time
	MinFreeDisk int64         // bytes; 0: never mind
	MaxFailures int           // 0: the host never takes itself out
	Pause       time.Duration // how long it stays out
	KeepCopies  time.Duration // of courses that are not built; 0: for ever
	Wipe        bool          // empty the build folder at the start
}

func hostRows() []row {
	return []row{
		define(ints(0, 1000), func(s *Settings) *int { return &s.BuildConcurrency }, Setting{
			Name: "BUILD_CONCURRENCY", Default: "0",
			Doc: "Build commands that run at a time on one host, as the workers of gitmanager's `HUEY`. 0: as many as the host has processors.",
		}),
		define(ints(1, 1000), func(s *Settings) *int { return &s.Hosting.Checkouts }, Setting{
			Name: "CHECKOUT_CONCURRENCY", Default: "8",
			Doc: "Checkouts with git that run at a time on one host.",
		}),
		define(ints(1, 10_000), func(s *Settings) *int { return &s.Hosting.Activities }, Setting{
			Name: "ACTIVITY_CONCURRENCY", Default: "200",
			Doc: "Short activities that run at a time in one process, such as calls to A+.",
		}),
		define(sizes(1), func(s *Settings) *int64 { return &s.Hosting.MinFreeDisk }, Setting{
			Name: "MIN_FREE_DISK", Default: "1GiB",
			Doc: "With less free space on the build disk, working copies that no build uses are removed, oldest first; when that is not enough the host takes no builds and says so. 0: the space is not looked at.",
		}),
		define(durations(0, 10*365*24*time.Hour), func(s *Settings) *time.Duration { return &s.Hosting.KeepCopies }, Setting{
			Name: "KEEP_WORKING_COPIES", Default: "720h",
			Doc: "Working copies of courses that were not built on the host for that long are removed. 0: never.",
		}),
		define(ints(0, 1000), func(s *Settings) *int { return &s.Hosting.MaxFailures }, Setting{
			Name: "HOST_MAX_FAILURES", Default: "5",
			Doc: "After so many failures of one step in a row, through no fault of the courses, a build host takes no builds for a while. 0: it never does that.",
		}),
		define(durations(time.Second, 24*time.Hour), func(s *Settings) *time.Duration { return &s.Hosting.Pause }, Setting{
			Name: "HOST_PAUSE", Default: "5m",
			Doc: "How long such a host waits before it tries again, unless an administrator resumes it earlier.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.Hosting.Wipe }, Setting{
			Name: "WIPE_BUILD_PATH", Default: "false",
			Doc: "Empty the build folder when the worker starts: for disks whose content may be damaged or from another machine. The host counts as a new one then, and courses are cloned anew.",
		}),
	}
}
