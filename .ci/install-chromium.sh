#!/usr/bin/env bash
#
# Installs Debian's package `chromium`, which Weaver's browser tests drive.
# Idempotent: if the browser is there already, nothing is done (and neither
# root nor the network is needed).
#
# Usage: .ci/install-chromium.sh            (as root)

set -euo pipefail

say() { printf 'install-chromium: %s\n' "$*" >&2; }

if [[ -x /usr/bin/chromium ]]; then
  say "$(/usr/bin/chromium --version 2>/dev/null || echo chromium) is installed already"
  exit 0
fi

[[ $(id -u) -eq 0 ]] || { say "must run as root (it installs a package)"; exit 1; }

export DEBIAN_FRONTEND=noninteractive
export UCF_FORCE_CONFFOLD=1 # never ask about a configuration file: keep it
export LC_ALL=C.UTF-8

work=$(mktemp -d "${TMPDIR:-/tmp}/weaver-install-chromium.XXXXXX")
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

# `apt-get update`, up to three times. Without Error-Mode=any apt reports an
# index it could not fetch, and then succeeds.
update() {
  local attempt
  for attempt in 1 2 3; do
    quiet 60 "${apt[@]}" -o APT::Update::Error-Mode=any update && return 0
    ((attempt == 3)) || sleep $((attempt * 3))
  done
  return 1
}

# A repository of somebody else's that does not answer is no reason to stop
# here: if the lists are too old for what follows, the install says so.
update || say "apt-get update failed; going on with the package lists there are"

# --no-install-recommends leaves out chromium-sandbox, the set-uid helper: the
# tests run headless, and where user namespaces are forbidden (root in a
# container) they have to pass --no-sandbox anyway. One font is wanted, or
# pages are laid out with no glyphs at all.
quiet 210 "${apt[@]}" install --no-install-recommends chromium fonts-dejavu-core

say "$(/usr/bin/chromium --version) is installed (${SECONDS}s)"
