# Shared helper of the set-up scripts: programs of Debian sid, unpacked into a folder and made to run there, without root.
# Sourced after packages.sh, not run. Works in "dir"; sets "root", "loader" and "libraries". It must not install anything
# system-wide, and must not name a mirror: that is read from the machine's apt sources, or INTERLINE_DEBIAN_MIRROR.
#
#   unpack_debian "Emacs" emacs-nox patchelf    fetches and unpacks the packages with all that they need, below $dir/root
#   own_loader PROGRAM                          makes it run on the unpacked C library (needs the package patchelf)
#   wrapper NAME LINE...                        writes bin/NAME

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

# fetch_packages MIRROR NAME...: the programs and every library that they need, the C library included.
fetch_packages() {
  local mirror=$1
  shift
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
  [ -e "$keyring" ] && signed="[signed-by=$keyring] "
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  printf 'deb %s%s sid main\n' "$signed" "$mirror" >"$apt/sources.list"
  private_apt update && private_apt install -y --download-only "$@"
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

# unpack_debian WHAT NAME...: skips the part where that can't be.
unpack_debian() {
  local what=$1 mirror deb part
  shift
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    skip "$what: not on PATH or too old, and this system has no apt to fetch it"
  mirror=$(debian_mirror) || skip "$what: not on PATH or too old; set INTERLINE_DEBIAN_MIRROR to a Debian archive to fetch it"
  say "fetching $what (Debian sid) into the cache"
  root=$dir/root apt=$dir/apt
  mkdir -p "$root" "$apt"
  fetch_packages "$mirror" "$@" >"$dir/setup.log" 2>&1 || {
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
}

# own_loader PROGRAM: it can then start itself anew, by the path that the kernel names.
own_loader() {
  run_inside "$root/usr/bin/patchelf" --force-rpath --set-rpath "$libraries" --set-interpreter "$loader" "$1"
}
