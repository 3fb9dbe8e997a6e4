#!/bin/sh
# Brings Temporal's two databases up to date. It may run at every start: a schema
# that is there is left alone.
set -eu
SQL_PASSWORD=${POSTGRES_PWD:-$(cat "${PASSWORD_FILE:-/run/secrets/temporal_db_password}")}
export SQL_PASSWORD
# tool runs a command on one database.
tool() {
	database=$1
	shift
	temporal-sql-tool --plugin postgres12_pgx --endpoint "${POSTGRES_SEEDS:-postgres}" \
		--port "${POSTGRES_PORT:-5432}" --user temporal --database "$database" "$@"
}
for database in temporal temporal_visibility; do
	schema=temporal
	[ "$database" = temporal ] || schema=visibility
	tool "$database" setup-schema --version 0.0
	tool "$database" update-schema --schema-name "postgresql/v12/$schema"
done
