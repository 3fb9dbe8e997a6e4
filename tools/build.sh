#!/bin/sh
# Builds one tool of tools/go.mod, or of a module in a folder below, and shows
# that it is alive meanwhile.
# usage: build.sh GO PACKAGE OUTPUT [FOLDER], from the repository's root
set -eu
go=$1 package=$2 out=$3 folder=${4:-.}
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
(
	waited=0
	while sleep 15; do
		waited=$((waited + 15))
		echo "  still building $(basename "$out"), ${waited} s"
	done
) &
ticker=$!
trap 'kill "$ticker" 2>/dev/null || :' EXIT INT TERM
cd "$(dirname "$0")/$folder"
# Nobody debugs the tools: without tables for that they link in half the time, and
# the server, which reads all of itself at each start, starts sooner.
"$go" build -ldflags="-s -w" -o "$out" "$package"
touch "$out"
