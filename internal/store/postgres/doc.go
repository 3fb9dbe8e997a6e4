// Package postgres keeps courses, builds, steps and logs in PostgreSQL, 15 or
// newer: the store for services of several processes and hosts. It takes no
// decision about builds beyond the contract of package store. Start at Open.
//
// Everything that changes one course in an order that matters (requests,
// claims, changes of the course) takes the lock of the course's row first, so
// that the ids of a course's builds are in the order of their commits. All
// times are the database's.
//
// A transaction that deadlocked, or whose connection broke before its COMMIT
// was sent, is run again a few times. When the answer to COMMIT is lost, the
// database is asked what became of the transaction, so that nothing is written
// twice and nothing that was written is reported as failed. What a caller
// relies on after a crash of the database's machine (courses, requests, claims
// and results) is committed as the server's settings say; steps, facts, logs
// and heartbeats do not wait for the disk, and of these a crash of the server
// loses at most the last second. Who has written a log hears of that, and writes it
// again.
package postgres
