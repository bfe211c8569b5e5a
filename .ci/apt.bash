# shellcheck shell=bash
#
# Sourced by the install scripts: apt-get quietly, with retries, and not for ever. Needs the function `say`.
# Gives a temporary folder in $work, which goes when the script ends, and the functions `quiet` and `update`.

export DEBIAN_FRONTEND=noninteractive
export UCF_FORCE_CONFFOLD=1 # never ask about a configuration file: keep it
export LC_ALL=C.UTF-8

work=$(mktemp -d "${TMPDIR:-/tmp}/weaver-install.XXXXXX")
chmod 755 "$work" # apt downloads as the user _apt, who must get in
child=
cleanup() {
  if [[ -n $child ]]; then
    # `timeout` hands the signal on to everything it started.
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# quiet SECONDS COMMAND…: runs COMMAND without stdin for at most SECONDS; shows
# its output only if it fails. (In the background plus `wait`, so that a signal
# to this script is acted on at once rather than when COMMAND has ended.)
quiet() {
  local limit=$1 status=0
  shift
  timeout --kill-after=10 "$limit" "$@" >"$work/log" 2>&1 </dev/null &
  child=$!
  wait "$child" || status=$?
  child=
  if ((status != 0)); then
    say "failed with status $status (124: not done in ${limit}s): $*"
    cat "$work/log" >&2
  fi
  return "$status"
}

apt=(apt-get -q -y -o DPkg::Lock::Timeout=60 -o Acquire::Retries=3
  -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20
  -o Dpkg::Options::=--force-confold)

# update [APT OPTION…]: `apt-get update`, up to three times. Without
# Error-Mode=any apt reports an index it could not fetch, and then succeeds.
update() {
  local attempt
  for attempt in 1 2 3; do
    quiet 60 "${apt[@]}" -o APT::Update::Error-Mode=any "$@" update && return 0
    ((attempt == 3)) || sleep $((attempt * 3))
  done
  return 1
}
