// Package courseconfig reads the configuration of one course folder, checks it,
// and turns it into what A+, the graders and the service itself need. It reads
// files of that folder only and does nothing else outside itself: no network,
// no database. Start at Load.
package courseconfig
