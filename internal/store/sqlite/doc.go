// Package sqlite keeps courses, builds, steps and logs in one SQLite file: the
// embedded store for one machine. It needs a local disk, since SQLite's WAL does
// not work over network file systems, and it takes no decision about builds
// beyond the contract of package store. Start at Open.
//
// Writes wait for their turn inside the process, so that SQLite's own locks
// are contended by other processes only; reads run beside them. What a caller
// relies on after a power failure (courses, requests, claims and results) is
// committed with synchronous=FULL; steps, facts and logs with NORMAL, which
// outlives a crash of the process but not of the machine.
package sqlite
