# Shared helper of the set-up scripts: Rust's own tools. Sourced after packages.sh, not run.
# It must not change the machine's toolchain beyond a missing component; programs that it builds go into the tests' cache.

# need_component NAME: rustfmt or clippy.
need_component() {
  local program=cargo-${1/rustfmt/fmt}
  command -v "$program" >/dev/null && cargo "${program#cargo-}" --version >/dev/null 2>&1 && return 0
  command -v rustup >/dev/null || return 1
  say "adding $1 to the toolchain"
  rustup component add "$1" >&2
}

# cargo_program NAME VERSION: builds a cargo subcommand into the cache, unless one is there.
cargo_program() {
  command -v "$1" >/dev/null && return 0
  local root=${INTERLINE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/interline-tests}/cargo
  say "building $1 $2 into the cache (some minutes, once)"
  cargo install "$1" --version "$2" --locked --quiet --root "$root" --target-dir "$root/build" >&2 || return 1
  rm -rf "$root/build"
  export PATH="$root/bin:$PATH"
}

need_cargo_deny() { cargo_program cargo-deny 0.20.2; }

# Only where it is there already: cargo's own runner does as well.
need_nextest() { command -v cargo-nextest >/dev/null; }
