# Ends a real node and puts the machine back as it was, from the state file alone: $1. Nothing here asks the API server or
# containerd, so it works whatever has died. Kept in shell, so that it can outlive the program that started the node.
state=$1
dir=$(sed -n 's/^dir //p' "$state")
link=$(sed -n 's/^link //p' "$state")
pods=$(sed -n 's/^pods //p' "$state") # the pods' subnet as in /proc/net/route
busybox=$(sed -n 's/^busybox //p' "$state")
case $dir in */testbed-node-*) ;; *) echo "$state is not what the test bed writes; remove it" >&2; exit 1 ;; esac

cgroups() { # every cgroup that this node made, the innermost first
    while read -r _ root kind _; do
        case $kind in cgroup | cgroup2) ;; *) continue ;; esac
        sed -n 's/^cgroup //p' "$state" | while read -r name; do
            [ -d "$root/$name" ] && find "$root/$name" -depth -type d
        done
    done </proc/self/mounts
}
members() { cgroups | while read -r group; do cat "$group/cgroup.procs" 2>/dev/null; done | sort -u; }
of_node() { # processes of a program that were started with this directory in their arguments; no zombies: those have none
    for process in /proc/[0-9]*; do
        name=$(cat "$process/comm" 2>/dev/null) || continue
        case " $* " in *" $name "*) ;; *) continue ;; esac
        tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -qF "$dir" && echo "${process#/proc/}"
    done
}
mounts() { awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r; }
links() { awk -v pods="$pods" '$2 ~ pods "$" { print $1 }' /proc/net/route; }
# Repeats an action for as long as a list has lines, for about ten seconds.
until_none() { # LIST ACTION
    for _ in $(seq 100); do
        left=$($1)
        [ -z "$left" ] && return 0
        echo "$left" | while read -r item; do $2 "$item" 2>/dev/null; done
        sleep 0.1
    done
    echo "a real node's leftovers of '$1' cannot be removed: $(echo "$left" | tr '\n' ' ')" >&2
    return 1
}
end() { kill -s KILL "$1"; }
unmount() { umount "$1" || umount -l "$1"; }
unlink_it() { "$busybox" ip link del "$1"; }
managers() { of_node kubelet containerd ctr; }
shims() { of_node containerd-shim runc; }

clean=yes
# Who would start something again goes first.
until_none managers end || clean=no
until_none members end || clean=no
until_none shims end || clean=no
until_none mounts unmount || clean=no
until_none links unlink_it || clean=no
[ ! -e "/sys/class/net/$link" ] || unlink_it "$link" || clean=no
until_none cgroups rmdir || clean=no

sed -n 's/^absent //p' "$state" | while read -r path; do rm -rf --one-file-system -- "$path"; done
# Sockets of shims, in a folder that other containers share: those that nobody listens on.
for socket in /run/containerd/s/*; do
    [ -S "$socket" ] && ! grep -qF "$socket" /proc/net/unix && rm -f -- "$socket"
done
[ -n "$(mounts)" ] || rm -rf --one-file-system -- "$dir" || clean=no
# In the order of the file: forwarding as a whole resets what each interface has.
sed -n 's/^sysctl //p' "$state" | while read -r path value; do
    [ -e "$path" ] && [ "$(cat "$path")" != "$value" ] && echo "$value" >"$path"
done
[ "$clean" = yes ] && rm -f -- "$state"
