#!/usr/bin/env bash
#
# Installs what Weaver's tests need from PostgreSQL on Debian 12:
#
#   * the PostgreSQL 15 server (Debian's package; it carries the contrib
#     extensions btree_gin and pg_stat_statements as well), and
#   * pgvector, built from Debian's own source package, because Debian 12 has
#     no binary package of it.
#
# Idempotent: what is there already is left alone, and when everything is
# there the script ends at once, without root and without the network.
# It starts no server: see with-postgres.sh for that.
#
# Usage: .ci/install-postgres.sh            (as root)
#
# Environment:
#   PGVECTOR_SUITE   Debian suite to take pgvector's source from (trixie)
#   PGVECTOR_MIRROR  mirror to take it from (the one apt uses already)

set -euo pipefail

readonly PG_MAJOR=15
readonly PGVECTOR_MIN=0.8.0
readonly PGVECTOR_SUITE=${PGVECTOR_SUITE:-trixie}

readonly PG_BIN=/usr/lib/postgresql/$PG_MAJOR/bin
readonly PG_LIB=/usr/lib/postgresql/$PG_MAJOR/lib
readonly PG_SHARE=/usr/share/postgresql/$PG_MAJOR

say() { printf 'install-postgres: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# --- what is there already? -------------------------------------------------

have_server() { [[ -x $PG_BIN/postgres && -x $PG_BIN/initdb && -x $PG_BIN/pg_ctl ]]; }

# Prints the version of the installed pgvector, or nothing.
vector_version() {
  local control=$PG_SHARE/extension/vector.control
  [[ -f $control && -f $PG_LIB/vector.so ]] || return 0
  sed -n "s/^default_version *= *'\([^']*\)'.*/\1/p" "$control"
}

have_vector() {
  local version
  version=$(vector_version)
  [[ -n $version ]] && dpkg --compare-versions "$version" ge "$PGVECTOR_MIN"
}

if have_server && have_vector; then
  say "PostgreSQL $PG_MAJOR and pgvector $(vector_version) are installed already"
  exit 0
fi

[[ $(id -u) -eq 0 ]] || die "must run as root (it installs packages)"

# shellcheck source=.ci/apt.bash
source "$(dirname "${BASH_SOURCE[0]}")/apt.bash"

install_packages() {
  quiet 180 "${apt[@]}" install --no-install-recommends "$@"
}

# A repository of somebody else's that does not answer is no reason to stop
# here: if the lists are too old for what follows, the install says so.
update || say "apt-get update failed; going on with the package lists there are"

# --- the server --------------------------------------------------------------

if ! have_server; then
  # On installing a server Debian creates a cluster `main` and starts it on
  # port 5432. Nobody wants that one. The switch has to be set before the
  # package comes; a decision somebody has taken already stands.
  conf=/etc/postgresql-common/createcluster.conf
  if ! grep -qsE '^[[:space:]]*create_main_cluster\b' "$conf"; then
    mkdir -p "${conf%/*}"
    echo 'create_main_cluster = false' >>"$conf"
  fi
  say "installing PostgreSQL $PG_MAJOR"
  install_packages "postgresql-$PG_MAJOR"
  have_server || die "postgresql-$PG_MAJOR is installed, but $PG_BIN has no server"
fi

# --- pgvector ----------------------------------------------------------------

# The mirror this machine's apt takes Debian's own packages from, in whatever
# form and file its sources are written. Empty if there is none.
debian_mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' -v codename="$codename" \
      '$1 == "Debian" && $2 == codename && !found { print $3; found = 1 }'
}

build_vector() {
  local mirror keyring signed_by='' private src

  mirror=${PGVECTOR_MIRROR:-$(debian_mirror)}
  [[ -n $mirror ]] || die "apt has no Debian mirror configured; set PGVECTOR_MIRROR"

  # A world of apt's own for this one source package: its list of sources, its
  # indexes and its cache are all in the temporary folder, so that /etc/apt
  # stays as it is and no later `apt-get install` takes anything from this
  # suite.
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ ! -f $keyring ]] || signed_by="[signed-by=$keyring] "
  mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/src"
  echo "deb-src $signed_by$mirror $PGVECTOR_SUITE main" >"$work/apt/sources.list"
  private=(-o "Dir::Etc::sourcelist=$work/apt/sources.list"
    -o "Dir::Etc::sourceparts=$work/apt/parts"
    -o "Dir::State::lists=$work/apt/lists"
    -o "Dir::Cache=$work/apt/cache")

  say "fetching pgvector's source from $PGVECTOR_SUITE"
  update "${private[@]}" || die "cannot read the package index of $PGVECTOR_SUITE"
  quiet 60 env -C "$work/src" "${apt[@]}" "${private[@]}" source --only-source pgvector
  src=$(find "$work/src" -mindepth 1 -maxdepth 1 -type d -name 'pgvector-*')
  [[ -f $src/vector.control ]] || die "apt-get source gave no pgvector tree"

  # OPTFLAGS="": without -march=native, as Debian builds it, so that the result
  # runs on any machine of the architecture (a cached CI image moves about).
  say "building pgvector"
  local make=(make -C "$src" "PG_CONFIG=$PG_BIN/pg_config" OPTFLAGS="")
  quiet 120 "${make[@]}" "-j$(nproc)"
  quiet 30 "${make[@]}" install
}

if ! have_vector; then
  say "installing what pgvector's build needs"
  install_packages "postgresql-server-dev-$PG_MAJOR" dpkg-dev gcc libc6-dev make
  build_vector
  have_vector || die "pgvector $PGVECTOR_MIN or newer is wanted, but '$(vector_version)' is installed"
fi

say "PostgreSQL $PG_MAJOR and pgvector $(vector_version) are installed (${SECONDS}s)"
