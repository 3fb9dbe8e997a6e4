// Package aplusauth speaks the tokens of A+'s services: it verifies those that
// callers show, signs the service's own, and obtains those that A+ signs for
// others.
//
// A token is a JWT signed with RS256 that names its issuer, its subject, its
// audience and a list of permissions. The package knows no courses, no routes
// and no login page, and keeps no sessions; the answer to a refused token is
// up to its caller. Start at New.
package aplusauth
