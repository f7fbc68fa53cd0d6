#!/bin/sh
# Run once, by the image of PostgreSQL: the clinic's database, its owner, and the server's role, which
# inherits nothing: it takes on a role of the clinic's for each transaction.
set -eu
psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" \
  --set owner="$CLINIC_OWNER_PASSWORD" --set app="$CLINIC_APP_PASSWORD" <<'SQL'
CREATE ROLE clinic_owner LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE clinic_app LOGIN NOINHERIT PASSWORD :'app';
CREATE DATABASE clinic OWNER clinic_owner;
SQL
