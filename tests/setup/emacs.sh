#!/usr/bin/env bash
# Sets up the Emacs that tests/clients drives, without root: Debian sid's packages, unpacked in the tests' cache beside their own
# C library. It must not install anything system-wide, and must not name a mirror: that is read from the machine's apt sources.
#
# Prints the folder whose bin/ holds `emacs`. A second run only prints it. Settings: as tests/setup/neovim.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/setup/packages.sh
. "$here/packages.sh"
# shellcheck source=tests/setup/debian.sh
. "$here/debian.sh"

layout=1 # raise when the layout of the folder changes: older ones are then set up anew
cache=${INTERLINE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/interline-tests}
mkdir -p "$cache"
dir=$(cd "$cache" && pwd)/emacs
stamp=$dir/complete

finish() { printf '%s\n' "$dir"; exit 0; }
ready() { [ "$(cat "$stamp" 2>/dev/null)" = "$layout" ]; }
ready && finish

# One set-up at a time: the second waits, then finds the work done.
exec 9>"$cache/emacs.lock"
flock 9
ready && finish

# good_emacs PROGRAM: has it eglot and a mode for Rust?
good_emacs() { "$1" -Q --batch --eval "(progn (require 'eglot) (require 'rust-mode))" >/dev/null 2>&1; }

rm -rf "$dir"
mkdir -p "$dir/bin"
installed=$(command -v emacs || true)
if [ -n "$installed" ] && good_emacs "$installed"; then
  ln -s "$installed" "$dir/bin/emacs"
else
  unpack_debian "Emacs" emacs-nox elpa-rust-mode patchelf
  own_loader "$root/usr/bin/emacs-nox"
  # It looks for its parts where Debian installs them: say where they are instead.
  share=$(echo "$root"/usr/share/emacs/[0-9]*)
  libexec=$(echo "$root"/usr/libexec/emacs/*/*)
  lisp=$(find "$share/lisp" "$root"/usr/share/emacs/site-lisp/elpa-src/rust-mode-* -type d ! -name obsolete ! -name term | paste -sd:)
  wrapper emacs "export EMACSDATA=\"$share/etc\" EMACSDOC=\"$share/etc\" EMACSPATH=\"$libexec\"" \
    "export EMACSLOADPATH=\"$lisp\"" "exec \"$root/usr/bin/emacs-nox\" --dump-file=\"$(echo "$libexec"/*.pdmp)\" \"\$@\""
fi

good_emacs "$dir/bin/emacs" || skip "the Emacs that was set up does not start"
printf '%s\n' "$layout" >"$stamp"
finish
