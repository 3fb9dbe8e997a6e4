#!/bin/sh
# Makes the users and databases of Coursewright and Temporal when PostgreSQL
# starts on an empty volume.
set -eu
secrets=${SECRETS:-/run/secrets}
sql() { psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres "$@"; }
for user in coursewright temporal; do
	# psql reads the password itself, so that no list of processes shows it.
	sql <<SQL
\\set password \`cat $secrets/${user}_db_password\`
CREATE ROLE $user LOGIN PASSWORD :'password';
SQL
done
for database in coursewright temporal temporal_visibility; do
	owner=${database%_visibility}
	sql --command="CREATE DATABASE $database OWNER $owner TEMPLATE template0 ENCODING 'UTF8'"
done
