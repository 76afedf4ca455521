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
# shellcheck source=tests/setup/debian.sh
. "$here/debian.sh"

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

# adopt: makes bin/ run outside a chroot. Neovim starts itself anew by the path that the kernel names, so the loader
# is written into it; rust-analyzer's libraries have search paths of their own, so it is started by the loader.
adopt() {
  local programs=$root/usr/bin
  own_loader "$programs/nvim"
  wrapper nvim "export VIMRUNTIME=\"$root/usr/share/nvim/runtime\"" "exec \"$programs/nvim\" \"\$@\""
  wrapper rust-analyzer "exec \"$loader\" --library-path \"$libraries\" \"$programs/rust-analyzer\" \"\$@\""
}

if ! use_installed; then
  unpack_debian "Neovim and rust-analyzer" neovim rust-analyzer patchelf
  adopt
fi

good_nvim "$dir/bin/nvim" || skip "the Neovim that was set up does not start"
"$dir/bin/rust-analyzer" --version >/dev/null || skip "the rust-analyzer that was set up does not start"
printf '%s\n' "$layout" >"$stamp"
finish
