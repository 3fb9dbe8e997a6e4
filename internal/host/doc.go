// Package host is a build host's view of itself: its slots and who gets the
// next one, whether it takes builds at all, and what it tells the database
// every few seconds. It runs no builds and knows no Temporal. Start at Agent
// and Slots.
package host
