#!/bin/sh
# Compares the Debian packages of the image with what Debian has now: a package
# that can be brought up to date by its security suite has a known vulnerability
# that is mended. Needs apt, on Debian or anything made of it.
#
#   deploy/scan.sh IMAGE    what is in an image that the container engine has
#   deploy/scan.sh          what deploy/Dockerfile would install today; where no
#                           registry can be reached. Needs mmdebstrap and root.
#
# Status 1: something is to be mended; build the image anew.
set -eu
umask 022
dockerfile=$(dirname "$0")/Dockerfile
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/etc/trusted.gpg.d" "$work/etc/preferences.d"

if [ $# -gt 0 ]; then
	container=$(docker create "$1" scan)
	status=0
	for file in /var/lib/dpkg/status /etc/os-release; do
		docker cp --follow-link "$container:$file" "$work/" >/dev/null || status=1
	done
	docker rm "$container" >/dev/null
	[ $status = 0 ] || { echo "$1 is no image of Debian" >&2; exit 2; }
	suite=$(sed -n 's/^VERSION_CODENAME=//p' "$work/os-release")
else
	suite=$(sed -n 's/^ARG BASE_IMAGE=debian:\([a-z]*\)-slim$/\1/p' "$dockerfile")
	packages=$(sed -n '/ AS system$/,/^$/s/.*--no-install-recommends \(.*\) \\$/\1/p' "$dockerfile" | tr ' ' ,)
fi
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
for part in "debian $suite" "debian $suite-updates" "debian-security $suite-security"; do
	echo "deb [signed-by=$keyring] $mirror/$part main"
done >"$work/sources.list"

if [ $# = 0 ]; then
	mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$work/root" "$work/sources.list"
	cp "$work/root/var/lib/dpkg/status" "$work/status"
fi
# apt itself compares, with lists and state of this script's own.
apt() {
	apt-get -o Dir::State="$work" -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" \
		-o Dir::State::extended_states="$work/extended" -o Dir::Cache="$work/cache" -o Dir::Etc="$work/etc" \
		-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root \
		-o Debug::NoLocking=true -q -q "$@"
}
apt update
apt --simulate dist-upgrade | sed -n 's/^Inst \([^ ]*\) \[\([^]]*\)\] (\([^ ]*\) \([^[)]*[^[) ]\).*/\1 \2, mended in \3 (\4)/p' >"$work/mended"
echo "$(grep -c '^Package: ' "$work/status") packages of Debian $suite, $(wc -l <"$work/mended") to be mended"
[ ! -s "$work/mended" ] || { cat "$work/mended"; exit 1; }
