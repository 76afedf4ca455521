# Shared helper of the set-up scripts: asks the system's own package manager for programs and libraries.
# Sourced, not run. It must not add package sources, write addresses, or fail a machine that has all it needs.
#
#   need_packages tmux patchelf        installs the Debian packages that are missing; 1 when it can't
#   skip "why"                         says what is left out; with CI=true it ends the script as a failure

# say TEXT...: progress goes to stderr, so that stdout stays the script's answer.
say() { printf '%s\n' "setup: $*" >&2; }

# skip WHY: exit 77 is "skipped" for the callers; nothing may be skipped in CI.
skip() {
  if [ "${CI:-}" = true ]; then
    say "not possible, and nothing may be skipped with CI=true: $*"
    exit 1
  fi
  say "skipped: $*"
  exit 77
}

package_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages NAME...: installs what is missing, with sudo where it asks for no password.
need_packages() {
  local missing=() name root=()
  for name in "$@"; do
    package_installed "$name" || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || { say "no apt-get here; install by hand: ${missing[*]}"; return 1; }
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || { say "not root; install by hand: apt-get install ${missing[*]}"; return 1; }
    root=(sudo -n)
  fi
  say "installing ${missing[*]}"
  local log
  log=$(mktemp) || return 1
  if ! apt_install "$log" "${missing[@]}"; then
    # The lists may be old or absent, or another set-up script used dpkg at the same moment: mend both, then try again.
    "${root[@]}" dpkg --configure -a >>"$log" 2>&1 || true
    "${root[@]}" apt-get -o DPkg::Lock::Timeout=600 update >>"$log" 2>&1 || true
    apt_install "$log" "${missing[@]}" || { tail -n 20 "$log" >&2; rm -f "$log"; return 1; }
  fi
  rm -f "$log"
}

# apt_install LOG NAME...: uses the caller's "root" prefix.
apt_install() {
  local log=$1
  shift
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@" >>"$log" 2>&1
}
