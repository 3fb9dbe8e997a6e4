// Package gitrepo keeps the working copies of courses: it clones them, brings
// them up to date, cleans them after a build and tells what changed. It does
// not build anything, keeps no database and never starts a shell with a word
// of a user in it. Start at New and Git.Checkout.
//
// A build may run hostile code inside a working copy, so nothing below .git is
// believed: before git runs there, links are refused, stale locks removed and
// every config file is replaced by one that this package writes (see guard.go).
// Work on files is done by the git program; HEAD and commits are read with
// go-git. Changed files come from git diff, as its rename detection decides
// which names are listed, and branches from git ls-remote, so that credentials,
// host keys and redirects follow the same rules as for a fetch.
//
// What the course's authors have to mend is a *course.AuthorError. Any other
// error is the service's or the network's trouble and worth a retry.
package gitrepo
