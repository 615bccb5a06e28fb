#!/bin/sh
# Says which prerequisite is missing, and how to get it, before any build starts. With the argument `node`: those of
# `make test-node` too, and installs Debian's packages that it needs.
need() { # COMMAND, WHAT IT IS, WHERE TO GET IT
    command -v "$1" >/dev/null 2>&1 || { echo "error: $2 is missing ($1 is not on PATH): $3" >&2; exit 1; }
}
need cargo "Rust" "see https://rustup.rs"
need cc "a C compiler" "install gcc or clang, as in: apt-get install gcc"
[ "$1" != node ] || sh "$(dirname "$0")/node/prerequisites.sh" || exit 1
[ -n "$TESTBED_ASSETS" ] && exit 0 # ready binaries: nothing to build in Go
need go "Go 1.26 or newer" "see https://go.dev/dl"
have=$(go env GOVERSION | sed 's/^go//')
minor=$(echo "$have" | cut -d. -f2 | sed 's/[^0-9].*//')
[ "$(echo "$have" | cut -d. -f1)" -gt 1 ] || [ "${minor:-0}" -ge 26 ] || {
    echo "error: Go 1.26 or newer is needed, and this is $have: see https://go.dev/dl" >&2
    exit 1
}
# Said in the first second, before cargo has compiled the program that would say it.
ls -d "${XDG_CACHE_HOME:-$HOME/.cache}"/kubectl-plugins-testbed/*/bin >/dev/null 2>&1 ||
    echo "first run on this machine: some minutes for the Rust crates, then some ten for the control plane (Kubernetes, etcd and kwok, from source); later runs start within seconds" >&2
