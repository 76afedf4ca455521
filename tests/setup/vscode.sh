#!/usr/bin/env bash
# Sets up what the VS Code tests run on: real VS Code served to a browser (npm code-server), the Node that it
# needs, Debian's Chromium, and playwright-core to drive it. Idempotent: a complete cache makes this a no-op.
# Must not touch the checkout, nor leave anything running. On success stdout is the cache folder, one line.
#
# Exit: 0 ready, 77 this machine can't be set up and says why (1 with CI=true), 1 failed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

CODE_SERVER=4.139.1
NODE=24
PLAYWRIGHT=1.65.1
PACKAGES=(chromium build-essential python3 pkg-config libkrb5-dev libsecret-1-dev libx11-dev libxkbfile-dev)

cache="${INTERLINE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/interline-tests}/vscode"
stamp="$cache/ready-$CODE_SERVER-$NODE-$PLAYWRIGHT"

# The platform package of npm's `node` carries the binary and its headers, which the native modules are built against.
install_node() {
  local arch
  case "$(uname -m)" in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) skip "no Node $NODE for $(uname -m)" ;; esac
  say "installing Node $NODE"
  npm install --prefix "$cache/node" --no-save --silent "node-linux-$arch@$NODE" >&2
  mkdir -p "$cache/bin"
  ln -sfn "../node/node_modules/node-linux-$arch" "$cache/bin/node-home"
  ln -sfn node-home/bin/node "$cache/bin/node"
}

install_code_server() {
  say "installing code-server $CODE_SERVER (some minutes)"
  npm install --prefix "$cache/code-server" --no-save --silent --ignore-scripts --force "code-server@$CODE_SERVER" >&2
  (
    cd "$cache/code-server/node_modules/code-server"
    PATH="$cache/bin:$PATH" npm_config_nodedir="$cache/bin/node-home" \
      npm_config_user_agent="npm/11 node/v$NODE linux x64" sh ./postinstall.sh
  ) >"$cache/postinstall.log" 2>&1 || { tail -40 "$cache/postinstall.log" >&2; say "code-server's postinstall failed"; exit 1; }
}

# Also removes what an earlier, unfinished run or another version left.
install_all() {
  rm -rf "$cache"/ready-* "$cache/node" "$cache/bin" "$cache/code-server" "$cache/driver"
  install_node
  install_code_server
  say "installing playwright-core $PLAYWRIGHT"
  npm install --prefix "$cache/driver" --no-save --silent "playwright-core@$PLAYWRIGHT" >&2
  "$cache/bin/node" "$cache/code-server/node_modules/code-server/out/node/entry.js" \
    --config "$cache/config.yaml" --version >&2
  touch "$stamp"
}

[ "$(uname -s)" = Linux ] || skip "VS Code tests: only Linux can be set up"
command -v npm >/dev/null || skip "VS Code tests: npm is missing, install Node.js"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
need_packages "${PACKAGES[@]}" || skip "VS Code tests: packages are missing"
[ -e "$stamp" ] || install_all
printf '%s\n' "$cache"
