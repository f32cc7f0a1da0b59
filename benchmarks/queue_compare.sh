#!/usr/bin/env bash
# Durable submit, lease and finish of a job of 1 KB with 1 and 16 clients: this library's build queue beside PostgreSQL (SKIP LOCKED,
# one commit a step), Redis (streams, appendfsync always) and beanstalkd (-f0), all flushing before they answer, on the same disk, in
# turn. Prints jobs a second and whether each mark is reached. Takes about two minutes on 2 cores that are free.
#
#   benchmarks/queue_compare.sh [--rounds N] [--seconds N]
#
# The queue runs in the load's own process, as in a server; the others are servers on loopback. A build is more than a job: its worker
# registers (a fourth commit), and every step is checked and kept in the build's record. Installs the peers by apt.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=3
seconds=5
while (($# > 0)); do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    *) echo "$0: $1: there is no such option; there are --rounds N and --seconds N" >&2; exit 2 ;;
  esac
done

cmake/dependencies.sh
missing=()
[[ -n $(compgen -G '/usr/lib/postgresql/*/bin/pgbench') ]] || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v beanstalkd >/dev/null || [[ -x /usr/bin/beanstalkd ]] || missing+=(beanstalkd)
if ((${#missing[@]} > 0)); then
  # Their packages start servers of their own, which the figures are better without.
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    made_policy=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}" >/dev/null
  if [[ -n ${made_policy:-} ]]; then rm -f "$policy"; fi
  trap - EXIT
fi
postgres=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -1)

[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
cmake --build --preset release --target queue_load >/dev/null
load=build/release/bin/queue_load

folder=$(mktemp -d "$PWD/build/queue-compare.XXXXXX")
pids=()
as_postgres=()
if [[ $(id -u) == 0 ]]; then as_postgres=(runuser -u postgres --); fi
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  [[ -f $folder/postgres/postmaster.pid ]] && "${as_postgres[@]}" "$postgres/pg_ctl" -D "$folder/postgres" -m fast stop >/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT
chmod 755 "$folder"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() { for _ in $(seq 100); do (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done; echo "$0: nothing listens on port $1" >&2; exit 1; }

redis_port=$(free_port)
mkdir "$folder/redis"
redis-server --bind 127.0.0.1 --port "$redis_port" --dir "$folder/redis" --appendonly yes --appendfsync always --save '' \
  --daemonize no >"$folder/redis.log" & pids+=($!)
beanstalkd_port=$(free_port)
mkdir "$folder/beanstalkd"
"$(command -v beanstalkd || echo /usr/bin/beanstalkd)" -l 127.0.0.1 -p "$beanstalkd_port" -b "$folder/beanstalkd" -f0 & pids+=($!)

postgres_port=$(free_port)
mkdir "$folder/postgres"
if ((${#as_postgres[@]} > 0)); then chown postgres "$folder/postgres"; fi
"${as_postgres[@]}" "$postgres/initdb" -D "$folder/postgres" --auth trust --username postgres --no-instructions >/dev/null
"${as_postgres[@]}" "$postgres/pg_ctl" -D "$folder/postgres" -w -l "$folder/postgres/log" \
  -o "-h 127.0.0.1 -p $postgres_port -k $folder/postgres -c max_connections=50" start >/dev/null
sql() { "$postgres/psql" -q -h 127.0.0.1 -p "$postgres_port" -U postgres -c "$1" >/dev/null; }
sql 'CREATE TABLE jobs (id bigserial PRIMARY KEY, state smallint NOT NULL DEFAULT 0, body text NOT NULL)'
sql 'CREATE INDEX waiting ON jobs (id) WHERE state = 0'
# Where others hold every row that it looked at, SKIP LOCKED finds none: that round of a client leases nothing, and counts.
cat >"$folder/job.sql" <<'SQL'
\set id 0
INSERT INTO jobs (body) VALUES (repeat('x', 1024));
UPDATE jobs SET state = 1 WHERE id = (SELECT id FROM jobs WHERE state = 0 ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id \aset
DELETE FROM jobs WHERE id = :id;
SQL
wait_for "$redis_port"
wait_for "$beanstalkd_port"

jobs_of() {  # KIND CLIENTS
  case $1 in
    slipway) rm -rf "$folder/slipway"; "$load" slipway "$folder/slipway" "$2" "$seconds" ;;
    redis) "$load" redis "$redis_port" "$2" "$seconds" ;;
    beanstalkd) "$load" beanstalkd "$beanstalkd_port" "$2" "$seconds" ;;
    postgresql)
      sql 'TRUNCATE jobs'
      "$postgres/pgbench" -n -M prepared -h 127.0.0.1 -p "$postgres_port" -U postgres -c "$2" -j "$(($2 > 2 ? 2 : $2))" -T "$seconds" \
        -f "$folder/job.sql" postgres 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p' ;;
  esac
}

for ((round = 1; round <= rounds; ++round)); do
  for clients in 1 16; do
    for kind in slipway postgresql redis beanstalkd; do
      figure=$(jobs_of "$kind" "$clients")
      echo "round $round: $kind, $clients clients: ${figure%.*} jobs/s" >&2
      echo "$kind $clients $figure" >>"$folder/figures"
    done
  done
done

python3 - "$folder/figures" <<'PYTHON'
import statistics
import sys

figures = {}
for line in open(sys.argv[1], encoding="utf-8"):
    kind, clients, figure = line.split()
    figures.setdefault((kind, int(clients)), []).append(float(figure))
median = {key: statistics.median(values) for key, values in figures.items()}
print(f"\n{'jobs a second (median)':24}{'1 client':>12}{'16 clients':>12}")
for kind in ("slipway", "postgresql", "redis", "beanstalkd"):
    print(f"{kind:24}{median[kind, 1]:12.0f}{median[kind, 16]:12.0f}")
print()
passed = failed = 0
for clients, peer, mark in ((16, "postgresql", 1.7), (16, "redis", 0.7), (1, "postgresql", 0.9)):
    ratio = median["slipway", clients] / median[peer, clients]
    reached = ratio >= mark
    passed, failed = passed + reached, failed + (not reached)
    print(f"{'reached' if reached else 'MISSED '}  {clients:2} clients: {ratio:.2f} x {peer} (mark {mark})")
print(f"\n{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
PYTHON
