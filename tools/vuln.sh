#!/bin/sh
# Looks for known vulnerabilities in what the program calls, and says which are
# in modules that it merely contains. The database comes from vuln.go.dev; with
# VULNDB=proxy from the Go module proxy, for machines that reach nothing else, and
# with VULNDB=URL from elsewhere (see govulncheck -db).
#
#   vuln.sh GO GOVULNCHECK
set -eu
go=$1 check=$2
# The standard library that is looked at is that of the toolchain of go.mod.
GOTOOLCHAIN=auto
export GOTOOLCHAIN
db=${VULNDB:-}
work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
if [ "$db" = proxy ]; then
	work=$(mktemp -d)
	module=golang.org/x/vulndb@latest
	dir=$("$go" mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
	[ -n "$dir" ] || { echo "vuln: the module proxy has no golang.org/x/vulndb" >&2; exit 1; }
	echo "vulnerabilities as of ${dir##*@}"
	GOFLAGS=-mod=mod "$go" run golang.org/x/vulndb/cmd/indexdb@"${dir##*@}" -out "$work/db" -vulns "$dir/data/osv" 2>&1 | grep -v "^go: downloading" >&2 || :
	[ -s "$work/db/index/db.json" ] || { echo "vuln: the database could not be made" >&2; exit 1; }
	db=file://$work/db
fi
if [ -n "$db" ]; then
	"$check" -db "$db" ./...
else
	"$check" ./... || {
		status=$?
		# 3: vulnerabilities were found, and told.
		[ "$status" = 3 ] || echo "vuln: if the database cannot be reached from here, try VULNDB=proxy" >&2
		exit "$status"
	}
fi
