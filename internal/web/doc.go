// Package web serves the HTML pages: the courses, one course with its builds
// and releases, one build with its live log, and the forms. Pages are rendered
// here and work without scripts; scripts only keep them up to date, from the
// REST API of the same service. It has no REST API, checks no tokens and does
// no work itself: it asks the small interfaces of Config. Start at New.
package web
