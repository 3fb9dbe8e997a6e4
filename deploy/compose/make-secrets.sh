#!/bin/sh
# Makes the secrets that docker-compose.yml needs and that are not there yet, in
# deploy/compose/secrets or the folder given. Needs openssl and ssh-keygen. What
# is there stays, so that it can be run again. Run it as root: the service's user
# in the containers, 1000, owns what it reads. With OWNER=root:GROUP, for plain
# hosts, the group reads all of it and nobody else anything.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
owner=${OWNER-1000:1000}
mkdir -p "$folder"
cd "$folder"
for name in postgres_password coursewright_db_password temporal_db_password grafana_password; do
	[ -s $name ] || openssl rand -hex 24 >$name
done
[ -s database_url ] ||
	printf 'postgres://coursewright:%s@postgres:5432/coursewright?sslmode=disable\n' "$(cat coursewright_db_password)" >database_url
[ -s private_key ] || openssl genrsa -out private_key 3072 2>/dev/null
[ -s public_key ] || openssl rsa -in private_key -pubout -out public_key 2>/dev/null
[ -s ssh_key ] || ssh-keygen -q -t ecdsa -N '' -C coursewright -f ssh_key
case $owner in
root:*)
	chown "$owner" ./*_password database_url private_key public_key ssh_key ssh_key.pub
	chmod 640 ./*_password database_url private_key public_key ssh_key ssh_key.pub
	;;
*)
	# Compose mounts the files with the owners and rights that they have. The other
	# services run as users of their own and read only their passwords; nobody else
	# gets into the folder. ssh takes no key of its user's that others may read.
	[ -z "$owner" ] || chown "$owner" database_url private_key public_key ssh_key ssh_key.pub
	chmod 644 ./*_password public_key
	;;
esac
if [ ! -s aplus_key ]; then
	echo "Put the public key of A+ into $folder/aplus_key (it may be read by all)." >&2
fi
echo "Give A+ the public key $folder/public_key, and the git hosts $folder/ssh_key.pub."
