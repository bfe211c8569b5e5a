#!/usr/bin/env bash
#
# Unpacks into FOLDER the Debian FAQ and the Debian Policy Manual, each of which comes as PDF and as
# plain text. Installs nothing.
#
# Usage: .ci/fetch-debian-books.sh FOLDER            (as root where apt has no package lists yet)

set -euo pipefail

readonly folder=$1

say() { printf 'fetch-debian-books: %s\n' "$*" >&2; }

# shellcheck source=.ci/apt.bash
source "$(dirname "${BASH_SOURCE[0]}")/apt.bash"

cd "$work"
download() { quiet 120 "${apt[@]}" download debian-faq debian-policy; }
download || { update || say 'apt-get update failed; trying again without'; download; }
for file in *.deb; do
  dpkg-deb -x "$file" "$folder"
done

say "the books are in $folder (${SECONDS}s)"
