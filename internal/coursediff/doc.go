// Package coursediff tells what a release of a course changes compared with
// another one, as A+ will see it: which modules, chapters and exercises come,
// go, get another key or another place, and which points, deadlines and
// categories differ. It compares the A+ documents of the releases and reads
// nothing else. Start at Compare; Releases finds the documents.
package coursediff
