# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts in this folder: source it from the top of a script.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/constellation
preset=${CONSTELLATION_PRESET:-dev}
binaries=$top/build/$preset/bin

say() { printf '\n[%s] %s\n' "$(date +%H:%M:%S)" "$*"; }

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "constellation: '$1' needs root and there is no sudo; run as root once: $*" >&2
    return 1
  fi
}

# Installs what is missing of the package lists named (build, image, run, test). Asks apt only if something is missing.
install_packages() {
  local list name missing=()
  for list in "$@"; do
    while read -r name; do
      case $name in ''|'#'*) continue ;; esac
      dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
    done <"$top/scripts/lib/packages-$list.txt"
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "Installing ${#missing[@]} packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$top/build-packages.log" 2>&1 || {
    tail -20 "$top/build-packages.log" >&2
    return 1
  }
  rm -f "$top/build-packages.log"
}

# Configures and builds the targets named, or everything.
build() {
  export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1
  say "Building (preset $preset)"
  (cd "$top" && cmake --preset "$preset" >/dev/null && cmake --build "build/$preset" ${1:+--target "$@"})
}
