#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves the README: in a Debian 12 root with nothing but git, make and ca-certificates, `make run` serves
# and enforces, Ctrl-C leaves nothing behind, and `make test` passes.
#
#   tests/fresh/run.sh [TARGET...]    the targets after `make run` (default: test)
#
# The root has a mount and a network namespace of its own, so nothing of the host's is attached to or
# listened on. A relay on the namespace's loopback is its only way out, to the Debian mirror. The
# bootstrapped root and the packages it downloads are kept in build/fresh; the root the test runs in is
# a copy. Takes about as long as `make test` and five minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" -eq 0 ] || { echo "tests/fresh needs root: it makes a chroot and namespaces." >&2; exit 1; }
# Mounts of ours are never seen outside.
[ -n "${FRESH_INSIDE:-}" ] || FRESH_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"

FRESH=$PWD/build/fresh
ROOT=$FRESH/root
NETNS=axfwfresh$$
MIRROR=${FRESH_MIRROR:-deb.debian.org} # speaks plain HTTP; apt checks signatures

say() { printf 'fresh: %s\n' "$*"; }

# Ends what still runs inside the root, by the root it runs in.
end_processes() {
	local process
	for process in /proc/[0-9]*; do
		[ "$(readlink "$process/root")" = "$ROOT" ] && kill -KILL "${process#/proc/}"
	done 2>/dev/null || true
}

clean_up() {
	end_processes
	[ -z "${RELAY_PID:-}" ] || kill "$RELAY_PID" 2>/dev/null || true
	ip netns del "$NETNS" 2>/dev/null || true
}
trap clean_up EXIT

bootstrap() {
	[ -d "$FRESH/base" ] && return
	say "bootstrapping Debian 12"
	mkdir -p "$FRESH"
	rm -rf "$FRESH/base.part"
	debootstrap --variant=minbase --include=git,make,ca-certificates bookworm \
		"$FRESH/base.part" "http://$MIRROR/debian" > "$FRESH/debootstrap.log"
	mv "$FRESH/base.part" "$FRESH/base"
}

write_sources() {
	cat > "$ROOT/etc/apt/sources.list" <<-END
		deb http://$MIRROR/debian bookworm main
		deb http://$MIRROR/debian bookworm-updates main
		deb http://$MIRROR/debian-security bookworm-security main
	END
	echo "127.0.0.1 localhost $MIRROR" > "$ROOT/etc/hosts"
	# A machine whose clock isn't the mirror's has told its apt so; the root is on the same machine.
	apt-config dump | grep '^Acquire::Check-' > "$ROOT/etc/apt/apt.conf.d/90host" || true
}

make_root() {
	rm -rf "$ROOT"
	cp -a "$FRESH/base" "$ROOT"
	mount --bind "$ROOT" "$ROOT" # tests make / private, so it has to be a mount
	write_sources
	git clone -q --no-hardlinks "$PWD" "$ROOT/axfw"
	mkdir -p "$FRESH/packages/partial"
	mount --bind "$FRESH/packages" "$ROOT/var/cache/apt/archives"
	mount -t proc none "$ROOT/proc"
	mount --rbind /dev "$ROOT/dev"
	mount -t tmpfs none "$ROOT/run"
	# From inside the namespace, so that it shows that namespace's interfaces.
	nsenter --net="/run/netns/$NETNS" mount -t sysfs none "$ROOT/sys"
	mount -t bpf none "$ROOT/sys/fs/bpf"
}

# The mirror's port 80 on the namespace's loopback; returns when it listens.
start_relay() {
	coproc RELAY { exec /usr/bin/python3 -B tests/fresh/relay.py "$NETNS" "$MIRROR" 80; }
	read -r _ <&"${RELAY[0]}"
}

in_root() {
	nsenter --net="/run/netns/$NETNS" chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LANG=C.UTF-8 TERM=dumb make -C /axfw --no-print-directory "$@"
}

bootstrap
ip netns add "$NETNS"
ip -n "$NETNS" link set lo up
start_relay
make_root

for tool in gcc clang curl python3; do
	[ ! -e "$ROOT/usr/bin/$tool" ] || { say "$tool is there already: this proves nothing"; exit 1; }
done

say "make run"
/usr/bin/python3 -B tests/fresh/check_run.py "$ROOT" "$NETNS"

for target in "${@:-test}"; do
	say "make $target"
	in_root "$target"
done
say "the two commands work"
