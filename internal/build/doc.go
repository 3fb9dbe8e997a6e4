// Package build is the contract of Coursewright's builders, the programs that
// turn a working copy into a built course, together with what they have in
// common: which image and command a course asks for, the environment of the
// build, and the words in which failures are told. It starts no process
// itself; the subpackages do, and buildtest holds the suite that all of them
// pass. Start at Builder.
package build
