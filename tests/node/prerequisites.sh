#!/bin/sh
# Whether this machine can be a Kubernetes node for the tests, and Debian's packages for it.
cannot() { echo "error: make test-node cannot run here: $1" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || cannot "it needs Linux"
[ "$(id -u)" = 0 ] || cannot "it needs root: a node makes cgroups, mounts and network interfaces"
unshare --mount --net true 2>/dev/null || cannot "mounts and network namespaces are not allowed here, as in a container without --privileged"
while read -r _ root kind _; do
    case $kind in cgroup | cgroup2) ;; *) continue ;; esac
    for name in kubepods kubepods.slice; do
        # What an earlier run has left is removed by the next one.
        [ ! -d "$root/$name" ] || [ -s /run/testbed-node ] || cannot "this machine is a Kubernetes node already ($root/$name)"
    done
    { mkdir "$root/testbed-probe" && rmdir "$root/testbed-probe"; } 2>/dev/null || cannot "no cgroup can be made in $root"
done </proc/self/mounts

packages=
has() { command -v "$1" >/dev/null 2>&1; }
need() { packages="$packages $1"; }
{ has containerd && has ctr; } || need containerd
has runc || need runc
# It runs in an image that has nothing else: one that names a loader would not start.
{ has busybox && ! head -c 4096 "$(command -v busybox)" | grep -qa '/ld-'; } || need busybox-static
[ -x /usr/lib/cni/ptp ] || [ -x /opt/cni/bin/ptp ] || need containernetworking-plugins
[ -n "$packages" ] || exit 0

has apt-get || cannot "it needs$packages, and this is not Debian"
echo "installing$packages with apt-get, for make test-node" >&2
export DEBIAN_FRONTEND=noninteractive
# Nothing that is there is removed for it, such as another container runtime.
install() { apt-get install -y -q --no-install-recommends --no-remove $packages >/dev/null; }
install 2>/dev/null || { apt-get update -q >/dev/null && install; } || cannot "apt-get install$packages failed"
