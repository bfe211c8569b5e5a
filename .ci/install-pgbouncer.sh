#!/usr/bin/env bash
#
# Installs Debian's package `pgbouncer`, which Weaver's tests put before
# PostgreSQL. Idempotent: if the program is there already, nothing is done (and
# neither root nor the network is needed). It starts no service: tests start a
# process of their own, with settings of their own.
#
# Usage: .ci/install-pgbouncer.sh            (as root)

set -euo pipefail

readonly program=/usr/sbin/pgbouncer

say() { printf 'install-pgbouncer: %s\n' "$*" >&2; }
version() { "$program" --version | sed -n 1p; }

if [[ -x $program ]]; then
  say "$(version) is installed already"
  exit 0
fi

[[ $(id -u) -eq 0 ]] || { say "must run as root (it installs a package)"; exit 1; }

# shellcheck source=.ci/apt.bash
source "$(dirname "${BASH_SOURCE[0]}")/apt.bash"

# A repository of somebody else's that does not answer is no reason to stop
# here: if the lists are too old for what follows, the install says so.
update || say "apt-get update failed; going on with the package lists there are"

# On installing it Debian starts the service, and has it started at every boot.
# Nobody wants that one. A policy that somebody has set already stands:
# https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"; cleanup' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
quiet 120 "${apt[@]}" install --no-install-recommends pgbouncer
quiet 30 update-rc.d pgbouncer disable

say "$(version) is installed (${SECONDS}s)"
