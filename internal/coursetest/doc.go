// Package coursetest holds stand-ins for the services around Coursewright, for
// tests and demonstrations: an A+ and a grader that speak the real protocols
// and refuse whatever the real ones would refuse, and some things that they
// only should. They keep everything in memory and render no courses. Start at
// Start, which serves both.
package coursetest
