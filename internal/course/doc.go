// Package course holds the domain of Coursewright: courses, builds, releases
// and the kinds of error. It does no input or output, knows no wire format and
// no database, and imports the standard library only. Start reading at Course
// and Build.
package course
