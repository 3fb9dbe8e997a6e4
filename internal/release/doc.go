// Package release keeps the results of builds on disk and publishes them.
//
// A build is staged (checked for paths that leave the course, hashed, hard
// linked from a pool of distinct files), committed (renamed into the store),
// and later published (renamed into the publish folder, then one symbolic link
// is switched). Older published releases are kept for rollback. The disk is
// the only record: each release carries its own description.
//
// The package does not build, validate or render courses, and it serves no
// requests. Start at Open, then read Stage, Commit and Publish in that order.
//
// # Layout
//
//	STORE/.objects/ab/cdef….555        pool: one read-only file per content and mode
//	STORE/.staging/KEY.VERSION/        complete, not committed; tmp-… while it is made
//	STORE/KEY/VERSION/                 committed: content/, public, documents, release.json
//	STORE/KEY/current -> VERSION       the stored release
//	STORE/KEY/fence                    newest build that was committed
//	STORE/.previews/KEY/VERSION/       previews of branches, which are never published
//	PUBLISH/.releases/KEY/VERSION/     published, the newest ones are kept
//	PUBLISH/KEY -> .releases/KEY/VERSION/content
//	STATIC/KEY -> PUBLISH/KEY/../public
//	STATIC/REMOTE_ID -> STATIC/KEY
//
// "public" in a release is a link to the static folder or, where only some
// paths are public, a folder of links to them. STATIC/KEY goes through
// PUBLISH/KEY, so that one rename switches the course and its public files
// together and the links under STATIC need no change.
//
// # What survives a crash
//
// Killing a process at any point leaves the old state or the new one, because
// every step that readers can see is one rename, and a repeated call does what
// is missing. Losing power is covered by order: file data is flushed before
// the file gets its name in the pool, every folder of a release before the
// release is renamed into place, the folder that holds the new name before the
// link that makes it visible, and the trash before anything in it is deleted. A
// repeated call that finds its work done flushes it all the same: the call that did
// it may have died before its flush. ext4 and XFS write their metadata journal in
// order, there the first of these flushes carries the others; the code does not
// rely on that, since Btrfs and network file systems promise it only for what
// was flushed. What it takes for granted is that a rename happens as a whole, and
// that changes of one name happen in their order.
//
// Not flushed are the times of the notes "published" and "superseded" and the
// removal of "current": where they are lost, readers and the next call find the
// truth from the links. The cache of digests has a checksum instead.
//
// Locks are flock(2) locks of the kernel on files that stay where they are: a
// process that dies releases them, and no file means "locked" by existing.
package release
