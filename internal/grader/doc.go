// Package grader tells graders about a course: it sends what was built as a
// form with a tar archive (store), later that the course is published (publish),
// and reads their answers. It does not decide which graders there are, does not
// try again (an error that is a *remote.Failure knows when to) and makes no
// tokens: the HTTP client that it is given adds them. Start at Client.
package grader
