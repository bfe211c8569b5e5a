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

# shellcheck source=.ci/apt.bash
source "$(dirname "${BASH_SOURCE[0]}")/apt.bash"

# A repository of somebody else's that does not answer is no reason to stop
# here: if the lists are too old for what follows, the install says so.
update || say "apt-get update failed; going on with the package lists there are"

# --no-install-recommends leaves out chromium-sandbox, the set-uid helper: the
# tests run headless, and where user namespaces are forbidden (root in a
# container) they have to pass --no-sandbox anyway. One font is wanted, or
# pages are laid out with no glyphs at all.
quiet 210 "${apt[@]}" install --no-install-recommends chromium fonts-dejavu-core

say "$(/usr/bin/chromium --version) is installed (${SECONDS}s)"
