#!/bin/sh
# The two roles that serve, made when the database is new. They own nothing; `manage.py prepare` grants what they may.
# On a database that exists already: psql -c "ALTER ROLE assay_app PASSWORD '…'", and the same for assay_worker.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 \
    --set app="$POSTGRES_APP_PASSWORD" --set worker="$POSTGRES_WORKER_PASSWORD" <<'SQL'
CREATE ROLE assay_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app';
CREATE ROLE assay_worker LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'worker';
SQL
