#!/bin/sh
# Gathers the licences and notices of what a program is linked from, which have to be
# given on with it: those of each module, and of Go itself.
# usage: notices.sh GO PACKAGE FOLDER, in the folder of the program's go.mod
set -eu
go=$1 package=$2 out=$3

# gather copies the texts of a folder.
gather() {
	for file in "$1"/LICEN* "$1"/Licen* "$1"/licen* "$1"/COPYING* "$1"/NOTICE* "$1"/PATENTS*; do
		if [ -f "$file" ]; then
			mkdir -p "$2"
			cat "$file" >"$2/$(basename "$file")"
		fi
	done
}

gather "$("$go" env GOROOT)" "$out/go"
list=$("$go" list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' "$package")
printf '%s\n' "$list" | sort -u | while read -r path version dir; do
	if [ -n "$path" ]; then # a package of the standard library has no module
		gather "$dir" "$out/$path@$version"
	fi
done
