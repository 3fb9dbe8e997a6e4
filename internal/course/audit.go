package course

import "time"

// AuditOutcome is what became of a request that the security log tells of.
type AuditOutcome string

// The outcomes of requests in the security log.
const (
	AuditDone    AuditOutcome = "done"    // it was done
	AuditDenied  AuditOutcome = "denied"  // the caller may not do it, or is not known
	AuditRefused AuditOutcome = "refused" // the request itself was wrong
	AuditFailed  AuditOutcome = "failed"  // the service's own trouble
)

// KeptAudit is how many entries of the security log the database keeps, the
// newest ones.
const KeptAudit = 100_000

// AuditFilter chooses entries of the security log; the zero value chooses all.
type AuditFilter struct {
	Course       string // the key that the course had then; empty: any
	Action       string
	Caller       string
	Outcome      AuditOutcome
	Since, Until time.Time // in [Since, Until); zero: without bound
}

// AuditEntry is one entry of the security log: who wanted what, and what became
// of it. It holds no secrets.
type AuditEntry struct {
	ID      int64
	At      time.Time
	Action  string // such as EDIT-COURSE
	Course  string // the key that the course had then; empty: none
	Caller  string // the subject of the token; empty: nobody known
	Issuer  string // who signed the token; empty: there was none
	Address string // the caller's network address
	Outcome AuditOutcome
	Details map[string]string // such as build: 17; nil: none
}
