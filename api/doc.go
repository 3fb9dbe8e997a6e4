// Package api is the HTTP surface of Coursewright: the REST API under /api/v1,
// the webhook, gitmanager's own URLs, static files, health and metrics. It
// builds nothing and stores nothing: the database, the releases and the
// workflows are behind the small interfaces of Config, and the HTML pages are
// a handler that is given to it. Start at New; routes.go lists every address.
package api
