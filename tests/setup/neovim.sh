#!/usr/bin/env bash
# Sets up the Neovim (and a real rust-analyzer) that the tests in tests/nvim drive, without root and without
# touching the system: Debian sid's packages are fetched by apt into the cache and unpacked beside their own C library.
# It must not install anything system-wide, and must not name a mirror: that is read from the machine's apt sources.
#
# Prints the folder whose bin/ holds `nvim` and `rust-analyzer`. A second run only prints it.
# Settings: INTERLINE_TEST_CACHE (where), INTERLINE_DEBIAN_MIRROR (used in place of the machine's own).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/setup/packages.sh
. "$here/packages.sh"

layout=3 # raise when the layout of the folder changes: older ones are then set up anew
cache=${INTERLINE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/interline-tests}
mkdir -p "$cache"
dir=$(cd "$cache" && pwd)/neovim
stamp=$dir/complete

finish() { printf '%s\n' "$dir"; exit 0; }
ready() { [ "$(cat "$stamp" 2>/dev/null)" = "$layout" ]; }
ready && finish

# One set-up at a time: the second waits, then finds the work done.
exec 9>"$cache/neovim.lock"
flock 9
ready && finish

# good_nvim PATH: is it Neovim 0.11 or newer?
good_nvim() {
  "$1" --clean --headless -c 'if !has("nvim-0.11") | cquit | endif' -c quit >/dev/null 2>&1
}

rm -rf "$dir"
mkdir -p "$dir/bin"

# use_installed: the machine's own programs serve where they are new enough.
use_installed() {
  local nvim analyzer
  nvim=$(command -v nvim) && good_nvim "$nvim" || return 1
  analyzer=$(command -v rust-analyzer) && "$analyzer" --version >/dev/null 2>&1 || return 1
  ln -s "$nvim" "$dir/bin/nvim"
  ln -s "$analyzer" "$dir/bin/rust-analyzer"
}

# debian_mirror: the archive that this machine's apt already uses, if it is Debian's.
debian_mirror() {
  if [ -n "${INTERLINE_DEBIAN_MIRROR:-}" ]; then
    printf '%s\n' "$INTERLINE_DEBIAN_MIRROR"
    return
  fi
  [ "$(. /etc/os-release && echo "$ID")" = debian ] || return 1
  # Security archives hold no sid; point releases and updates live in the main one.
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 2>/dev/null |
    awk '$1 !~ /security/ { print $2; exit }' | grep . ||
    sed -nE 's/^(URIs: *|deb +(\[[^]]*\] +)?)([^ ]+).*/\3/p' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list \
      2>/dev/null | grep -v security | head -n 1 | grep .
}

# private_apt ARGS...: apt with its own state, so that the machine's lists and packages stay as they are.
private_apt() {
  apt-get -q -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
    -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User="$(id -un)" \
    -o APT::Install-Recommends=false -o APT::Update::Post-Invoke= -o Acquire::Languages=none \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

# fetch_packages MIRROR: the programs and every library that they need, the C library included.
fetch_packages() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
  [ -e "$keyring" ] && signed="[signed-by=$keyring] "
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  printf 'deb %s%s sid main\n' "$signed" "$1" >"$apt/sources.list"
  private_apt update && private_apt install -y --download-only neovim rust-analyzer patchelf
}

# run_inside PROGRAM ARGS...: runs one of the unpacked programs on its own loader and libraries.
run_inside() { "$loader" --library-path "$libraries" "$@"; }

# wrapper NAME LINE...: writes bin/NAME.
wrapper() {
  local name=$1
  shift
  printf '%s\n' '#!/bin/sh' "$@" >"$dir/bin/$name"
  chmod +x "$dir/bin/$name"
}

# adopt: makes bin/ run outside a chroot. Neovim starts itself anew by the path that the kernel names, so the loader
# is written into it; rust-analyzer's libraries have search paths of their own, so it is started by the loader.
adopt() {
  local programs=$root/usr/bin
  run_inside "$programs/patchelf" --force-rpath --set-rpath "$libraries" --set-interpreter "$loader" "$programs/nvim"
  wrapper nvim "export VIMRUNTIME=\"$root/usr/share/nvim/runtime\"" "exec \"$programs/nvim\" \"\$@\""
  wrapper rust-analyzer "exec \"$loader\" --library-path \"$libraries\" \"$programs/rust-analyzer\" \"\$@\""
}

if ! use_installed; then
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    skip "Neovim 0.11 or newer and rust-analyzer are not on PATH, and this system has no apt to fetch them"
  mirror=$(debian_mirror) ||
    skip "Neovim 0.11 or newer and rust-analyzer are not on PATH; set INTERLINE_DEBIAN_MIRROR to a Debian archive to fetch them"
  say "fetching Neovim and rust-analyzer (Debian sid) into the cache"
  root=$dir/root apt=$dir/apt
  mkdir -p "$root" "$apt"
  fetch_packages "$mirror" >"$dir/setup.log" 2>&1 || {
    tail -n 20 "$dir/setup.log" >&2
    skip "Debian sid's packages could not be fetched"
  }
  for deb in "$apt"/cache/archives/*.deb; do
    dpkg-deb -x "$deb" "$root"
  done
  rm -rf "$apt"
  # sid's base-files makes these links; without that package we do.
  for part in bin lib lib64 sbin; do
    [ -e "$root/$part" ] || { mkdir -p "$root/usr/$part" && ln -s "usr/$part" "$root/$part"; }
  done
  loader=$(find "$root"/usr/lib "$root"/usr/lib64 -name 'ld-linux*.so.*' | sort | head -n 1)
  libraries=$(dirname "$(find "$root/usr/lib" -name libc.so.6 | head -n 1)")
  adopt
fi

good_nvim "$dir/bin/nvim" || skip "the Neovim that was set up does not start"
"$dir/bin/rust-analyzer" --version >/dev/null || skip "the rust-analyzer that was set up does not start"
printf '%s\n' "$layout" >"$stamp"
finish
