#!/bin/sh
# Makes coursewright-builds, a network of the Docker engine for builds that
# download: it leads to public addresses and to the host's resolvers, and neither
# to the host nor to its neighbours, to other builds, or to the addresses at which
# clouds serve credentials. Run it as root on every build host, again after each
# start of the host; it changes nothing twice. docs/builders.md explains it.
#
#   network.sh [--allow ADDRESS[:PORT]]... [--deny NETWORK]... [--remove]
set -eu

network=coursewright-builds
bridge=cw-builds         # its interface on the host, by which the rules know it
chain=COURSEWRIGHT-BUILDS
# Private, shared, link-local (metadata), loopback, test, multicast and reserved.
denied="0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/4 240.0.0.0/4"
allowed=
remove=

fail() {
	echo "network.sh: $1" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--remove) remove=1 ;;
	--allow | --deny)
		[ $# -gt 1 ] || fail "$1 needs an address"
		case $2 in
		'' | *[!0-9./:]*) fail "$1 $2: give an IPv4 address such as 192.0.2.7, 192.0.2.7:443 or 192.0.2.0/24" ;;
		esac
		if [ "$1" = --allow ]; then allowed="$allowed $2"; else denied="$denied $2"; fi
		shift
		;;
	*) fail "$1 is not understood: see the beginning of this file" ;;
	esac
	shift
done

[ "$(id -u)" = 0 ] || fail "must run as root, for the firewall"
for program in docker iptables ip6tables; do
	command -v "$program" >/dev/null || fail "$program is missing; install it"
done
# -w waits for others who change rules.
rule() { iptables -w "$@"; }
rule6() { ip6tables -w "$@"; }

# drop FAMILY CHAIN RULE...: the rule is not in the chain afterwards.
drop() {
	family=$1
	shift
	while "$family" -C "$@" 2>/dev/null; do "$family" -D "$@"; done
}

if [ -n "$remove" ]; then
	docker network rm "$network" >/dev/null
	for parent in DOCKER-USER INPUT; do drop rule "$parent" -i "$bridge" -j "$chain"; done
	drop rule6 INPUT -i "$bridge" -j REJECT
	rule -F "$chain" && rule -X "$chain"
	exit 0
fi

docker info >/dev/null || fail "the engine does not answer; is it running?"
rule -n -L DOCKER-USER >/dev/null 2>&1 ||
	fail "the engine keeps no iptables rules (there is no chain DOCKER-USER): remove iptables=false from its configuration, or write rules as in this file for the firewall it has"

# Rules first: no build sees the network without them.
rule -N "$chain" 2>/dev/null || true
rule -F "$chain"
resolvers=/etc/resolv.conf
# With systemd-resolved the engine reads its list of resolvers instead.
grep -q '^nameserver 127\.0\.0\.53' "$resolvers" 2>/dev/null && resolvers=/run/systemd/resolve/resolv.conf
for resolver in $(awk '$1 == "nameserver" && $2 ~ /^[0-9.]+$/ && $2 !~ /^127\./ {print $2}' "$resolvers"); do
	for protocol in udp tcp; do rule -A "$chain" -d "$resolver" -p "$protocol" --dport 53 -j ACCEPT; done
done
for address in $allowed; do
	case $address in
	*:*) rule -A "$chain" -d "${address%:*}" -p tcp --dport "${address#*:}" -j ACCEPT ;;
	*) rule -A "$chain" -d "$address" -j ACCEPT ;;
	esac
done
# What comes in at the bridge for an address of this host, whichever.
rule -A "$chain" -m addrtype --dst-type LOCAL -j REJECT
for range in $denied; do rule -A "$chain" -d "$range" -j REJECT; done
for parent in DOCKER-USER INPUT; do
	drop rule "$parent" -i "$bridge" -j "$chain"
	rule -I "$parent" -i "$bridge" -j "$chain"
done
# The network has no IPv6, but its interface has a link-local address.
drop rule6 INPUT -i "$bridge" -j REJECT
rule6 -I INPUT -i "$bridge" -j REJECT

if ! docker network inspect "$network" >/dev/null 2>&1; then
	docker network create --driver bridge \
		--opt com.docker.network.bridge.name="$bridge" \
		--opt com.docker.network.bridge.enable_icc=false \
		"$network" >/dev/null
fi
name=$(docker network inspect --format '{{index .Options "com.docker.network.bridge.name"}} {{index .Options "com.docker.network.bridge.enable_icc"}} {{.EnableIPv6}}' "$network")
[ "$name" = "$bridge false false" ] ||
	fail "there is a network $network of another kind: remove it (docker network rm $network) and run this again"
echo "BUILD_NETWORK=$network"
