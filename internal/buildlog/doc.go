// Package buildlog carries the output of builds: a Writer turns the raw bytes
// of a build command into clean lines and appends them to the log in small
// batches, Follow reads a log while it grows. It does not keep logs and does
// not cap them; that is the store's part. Start at NewWriter and Follow.
package buildlog
