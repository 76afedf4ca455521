# Shared helper of the set-up scripts: environments of Python for programs that only tests need. Sourced after packages.sh,
# not run.
#
#   need_python                                  Python 3.11 or later with venv; 1 when it can't be had
#   python_environment NAME REQUIREMENTS         prints the folder of an environment in the tests' cache, made once for
#                                                each content of REQUIREMENTS

need_python() {
  python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || need_packages python3 python3-venv
}

python_environment() {
  local dir=${INTERLINE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/interline-tests}/$1
  mkdir -p "$dir"
  exec 9>"$dir/lock"
  flock 9
  if ! cmp -s "$2" "$dir/complete"; then
    say "installing what ${2#"$PWD/"} names into the cache (may take a minute or two)"
    rm -rf "$dir/venv" "$dir/complete"
    {
      python3 -m venv "$dir/venv" &&
        "$dir/venv/bin/pip" install --quiet --disable-pip-version-check -r "$2"
    } >"$dir/setup.log" 2>&1 || { tail -n 20 "$dir/setup.log" >&2; return 1; }
    cp "$2" "$dir/complete"
  fi
  exec 9>&-
  printf '%s\n' "$dir/venv"
}
