package course

// Takeover is a course as another service knows it, with the builds of which
// that service still knows.
type Takeover struct {
	Source string // name of the other service, such as gitmanager
	ID     int64  // of the course there
	Course Course // ID, CreatedAt and BuildHost do not count
	Builds []TakenBuild
}

// TakenBuild is a build of another service. Its Status is final: what had not
// ended there is ended by the takeover.
type TakenBuild struct {
	Build
	SourceID int64  // of the build in the other service; Build.ID does not count
	Open     bool   // it had not ended in the other service
	Log      string // in full
}

// TakeoverResult tells what a takeover did.
type TakeoverResult struct {
	Course    Course          // as it is afterwards
	New       bool            // the course was not here before
	Changed   []string        // fields that followed the other service
	Conflicts []string        // fields that have changed here and there since; they stay as they are here
	Builds    int             // builds that were taken, or taken anew because they have ended since
	BuildIDs  map[int64]int64 // ids here by ids there, of all builds that were ever taken
}
