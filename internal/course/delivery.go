package course

import "time"

// Verdict is what became of a delivery.
type Verdict string

// The verdicts on a delivery.
const (
	DeliveryAccepted Verdict = "accepted" // a build was requested
	DeliveryIgnored  Verdict = "ignored"  // authentic, but it needs no build
	DeliveryRefused  Verdict = "refused"  // not authentic, or not understood
)

// KeptDeliveries is how many deliveries of a course are kept, the newest ones.
const KeptDeliveries = 200

// Header is one header of a delivery.
type Header struct {
	Name  string
	Value string
}

// Delivery is one call of a course's hook by a git host.
type Delivery struct {
	ID         int64
	CourseID   int64
	CourseKey  string // the course's present key
	ReceivedAt time.Time
	Service    string   // the kind of git host, such as github; empty when it did not say
	Event      string   // in the git host's own words
	Headers    []Header // without secrets and signatures
	RequestIP  string
	Verdict    Verdict
	Reason     string       // why it was ignored or refused
	Options    BuildOptions // what it asked for
	BuildID    int64        // the build that it made; 0: none, or not kept any more
}
