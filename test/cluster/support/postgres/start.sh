#!/bin/sh
# Starts PostgreSQL on /data, which is filled on the first start.
set -eu
bin=/usr/lib/postgresql/15/bin
export PGDATA=/data/cluster
[ -s "$PGDATA/PG_VERSION" ] || {
  printf %s "$POSTGRES_PASSWORD" >/tmp/password
  $bin/initdb --username=driftless --pwfile=/tmp/password --auth=scram-sha-256 >/dev/null
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
}
exec $bin/postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c max_connections=200
