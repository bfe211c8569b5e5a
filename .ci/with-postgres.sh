#!/usr/bin/env bash
#
# Runs a command with a fresh, throw-away PostgreSQL server beside it:
#
#   .ci/with-postgres.sh npm test
#
# The command finds a superuser's address in TEST_DATABASE_URL. The cluster is
# new and empty, lives in a temporary folder, and listens on a free port of
# 127.0.0.1 and nowhere else (no Unix socket either), so any number of these may
# run side by side. Whatever ends the command or this script – success, failure,
# Ctrl-C, a signal – the server is stopped and its folder removed. No other
# server is looked at or touched.
#
# The exit status is the command's, or 128 + N if this script got signal N.
# Statuses of its own: 2 for wrong usage, 70 if there is no usable server.
#
# Authentication is `trust`: everybody who can open a connection to this
# machine's loopback is superuser of this server while it runs. It never holds
# anything but test data.
#
# Needs Linux, PostgreSQL and pgvector (see install-postgres.sh). The server
# refuses to run as root; when root calls, it runs as the user `postgres`. The
# command itself always runs as the caller.
#
# Environment:
#   PG_BIN_DIR   folder of `postgres`, `initdb`, `pg_ctl` and `psql`
#                (Debian's of PostgreSQL 15, else the one pg_config names)
#   TMPDIR       where the temporary folder goes (/tmp)

set -euo pipefail

say() { printf 'with-postgres: %s\n' "$*" >&2; }
die() { say "$*"; exit 70; }

if (($# == 0)); then
  echo 'usage: with-postgres.sh COMMAND [ARGUMENT…]' >&2
  exit 2
fi

# --- which server, as whom ----------------------------------------------------

find_bin_dir() {
  local dir
  for dir in "${PG_BIN_DIR:-}" /usr/lib/postgresql/15/bin \
    "$(pg_config --bindir 2>/dev/null || true)"; do
    if [[ -n $dir && -x $dir/initdb && -x $dir/postgres && -x $dir/pg_ctl && -x $dir/psql ]]; then
      realpath "$dir"
      return
    fi
  done
  return 1
}
bin=$(find_bin_dir) || die 'no PostgreSQL server found; run .ci/install-postgres.sh or set PG_BIN_DIR'

as_user=()
if [[ $(id -u) -eq 0 ]]; then
  id postgres >/dev/null 2>&1 || die 'called by root, but there is no user `postgres` to run the server as'
  as_user=(--reuid=postgres --regid=postgres --init-groups)
fi

base=     # the temporary folder
server=   # process id of the server, a child of this script
command=  # process id of the command, likewise

# pg PROGRAM ARGUMENT…: replaces the current subshell by one of PostgreSQL's
# programs, run as the server's user, in a folder that user can enter, and
# without the caller's PG… variables. Options for setpriv go in pg_options.
pg_options=()
pg() {
  local program=$1
  shift
  cd "$base"
  exec setpriv "${as_user[@]}" "${pg_options[@]}" \
    env -i "PATH=$PATH" "HOME=$base" LC_ALL=C.UTF-8 "$bin/$program" "$@"
}

# --- tidying up ----------------------------------------------------------------

# Prints the ids of all processes below the given one.
descendants() {
  local child
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null || true); do
    echo "$child"
    descendants "$child"
  done
}

# any_alive PID… / gone_within SECONDS PID…
any_alive() { kill -0 "$@" 2>/dev/null; } # true if at least one exists
gone_within() {
  local tries=$(($1 * 20))
  shift
  while any_alive "$@"; do
    ((tries-- > 0)) || return 1
    sleep 0.05
  done
}

# Ends the command and what it has started.
stop_command() {
  local signal=$1 pids=()
  # On Ctrl-C the terminal has told the command already, and a second signal
  # would make many programs skip their own tidying: give it time first.
  if [[ $signal == INT ]] && gone_within 3 "$command"; then
    return
  fi
  mapfile -t pids < <(echo "$command" && descendants "$command")
  kill -TERM "${pids[@]}" 2>/dev/null || true
  if ! gone_within 5 "${pids[@]}"; then
    kill -KILL "${pids[@]}" 2>/dev/null || true
  fi
}

on_signal() {
  trap '' INT TERM HUP # once is enough
  [[ -z $command ]] || stop_command "$1"
  exit "$2" # and so to on_exit
}

on_exit() {
  trap '' INT TERM HUP
  if [[ -n $server ]]; then
    # The data is thrown away: no need for a checkpoint, so `immediate`.
    (pg pg_ctl stop -D "$base/data" -m immediate -w -t 20) >/dev/null 2>&1 ||
      kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  [[ -z $base ]] || rm -rf "$base"
}

trap on_exit EXIT
trap 'on_signal INT 130' INT
trap 'on_signal TERM 143' TERM
trap 'on_signal HUP 129' HUP

# --- the cluster -----------------------------------------------------------------

base=$(mktemp -d "${TMPDIR:-/tmp}/weaver-postgres.XXXXXX")
base=$(realpath "$base")
((${#as_user[@]} == 0)) || chown postgres: "$base" # its mode is 700

# --no-sync hurries up the creation only; the server itself does sync.
(pg initdb --pgdata="$base/data" --username=postgres --auth=trust --no-sync \
  --encoding=UTF8 --locale=C.UTF-8) >"$base/log" 2>&1 </dev/null || {
  cat "$base/log" >&2
  die 'initdb failed'
}

# fsync and synchronous_commit stay on, as in production: tests and measurements
# should see what a commit costs.
cat >>"$base/data/postgresql.conf" <<'CONF'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
max_wal_size = 1GB
fsync = on
synchronous_commit = on
shared_preload_libraries = 'pg_stat_statements'
timezone = 'UTC'
log_timezone = 'UTC'
CONF

# A port nobody answers on, below the range the kernel takes outgoing ports from.
pick_port() {
  local candidate
  while :; do
    candidate=$((20000 + RANDOM % 12000))
    (: <"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null || break
  done
  echo "$candidate"
}

# start PORT: 0 when the server accepts connections, 1 if it has not come up.
#
# The server is a child of this script, but in a session of its own, so that
# Ctrl-C does not take it away from under the command. Should this script itself
# be killed with SIGKILL, the kernel stops the server in its stead (only the
# folder is left over then).
start() {
  local tries=1200 # × 0.05 s = one minute
  (
    pg_options=(--pdeathsig QUIT setsid)
    pg postgres -D "$base/data" -p "$1"
  ) >"$base/log" 2>&1 </dev/null &
  server=$!
  # The server's own word for it, which – unlike an answer on the port – cannot
  # be another server's: line 1 is its process id, line 8 its state.
  while ((tries-- > 0)); do
    if [[ $(sed -n '1p;8p' "$base/data/postmaster.pid" 2>/dev/null | tr -s ' \n' ' ') == "$server ready " ]]; then
      return 0
    fi
    if ! kill -0 "$server" 2>/dev/null; then
      server=
      break
    fi
    sleep 0.05
  done
  return 1
}

for attempt in 1 2 3 4 5; do
  port=$(pick_port)
  ! start "$port" || break
  # Somebody else may have taken the port since it was picked: pick another.
  # Anything else will not get better by repeating it.
  if ((attempt == 5)) || ! grep -q 'could not bind' "$base/log"; then
    cat "$base/log" >&2
    die 'the server did not start'
  fi
done

url=postgresql://postgres@127.0.0.1:$port/postgres
read -r version vector < <(pg psql -XAt -F ' ' -d "$url" -c \
  "select split_part(current_setting('server_version'), ' ', 1),
     (select default_version from pg_available_extensions where name = 'vector')") ||
  die 'the server does not answer'
[[ -n $vector ]] ||
  die "PostgreSQL $version in $bin has no extension \`vector\` (pgvector); run .ci/install-postgres.sh"
say "PostgreSQL $version with pgvector $vector on 127.0.0.1:$port"

# --- the command -------------------------------------------------------------------

# In the background, because bash acts on a signal during `wait`, but not while
# a foreground command runs. Two things bash does to background commands have to
# be undone: stdin from /dev/null (<&0) and SIGINT and SIGQUIT ignored (env).
TEST_DATABASE_URL=$url env --default-signal=INT,QUIT -- "$@" <&0 &
command=$!
status=0
wait "$command" || status=$?
command=
exit "$status"
