#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Boots the kernels of kernels.txt in qemu, one after the other, and runs guest.sh in each with our
# programs. The guest hands its exit status back over a serial port of its own; a guest that hands
# nothing back has failed, and so has one that takes longer than its limit. TCG, not KVM: it works
# on any machine, nested or not, for some seconds more.
#
#   vmtest/run.sh [PATTERN]    only the lines of kernels.txt that match
#
# Fetched kernels stay in build/vmtest/cache. Needs apt, qemu-system-x86 and the programs in build/.
set -euo pipefail
cd "$(dirname "$0")/.."

VM=$PWD/build/vmtest
MIRROR=${VMTEST_MIRROR:-http://deb.debian.org/debian}
LIMIT_S=${VMTEST_LIMIT_S:-600} # two minutes on two idle cores, most of them emulated compiling
MEMORY_MB=768                  # axfwd's 256, the initramfs unpacked, and the compiler of patterns
PROGRAMS=(build/axfwd build/axfw build/bpf-tests build/kernel-tests)
# What the tests call and busybox does less well; its shell would prefer its own.
TOOLS=(dash curl ip tc nsenter ethtool findmnt)
# What Debian doesn't build in of what the programs attach to, in the order of their dependencies.
MODULES=(veth sch_ingress cls_bpf tun llc stp garp mrp 8021q)

say() { printf 'vmtest: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

# suite_apt SUITE PROGRAM ARGS...: apt with lists of its own, so that a suite that isn't the host's
# needs no change to the host. The host's other settings (proxy, certificates) hold.
suite_apt() {
	local root=$VM/apt/$1 program=$2
	mkdir -p "$root/lists/partial" "$root/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $MIRROR $1 main" \
		> "$root/sources.list"
	shift 2
	"$program" -q -o Dir::Etc::SourceList="$root/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$root/lists" -o Dir::Cache="$root/cache" \
		-o APT::Sandbox::User=root "$@"
}

# unpack SUITE PACKAGE DIR
unpack() {
	rm -rf "$3.part"
	mkdir -p "$3.part"
	(cd "$3.part" && suite_apt "$1" apt-get download "$2" >&2 && dpkg-deb -x ./*.deb . && rm ./*.deb)
	mv "$3.part" "$3"
}

# fetch_kernel SUITE PATTERN: unpacks the newest package that matches, once; prints its folder.
fetch_kernel() {
	local cache=$VM/cache/$1 package
	mkdir -p "$cache"
	package=$(cd "$cache" && printf '%s\n' * | grep -xE "$2" | sort -V | tail -n 1) || true
	if [ -z "$package" ]; then
		suite_apt "$1" apt-get update >&2
		package=$(suite_apt "$1" apt-cache pkgnames | grep -xE "$2" | sort -V | tail -n 1) ||
			die "no package of $1 matches $2"
		unpack "$1" "$package" "$cache/$package"
	fi
	echo "$cache/$package"
}

fetch_busybox() {
	[ -d "$VM/cache/busybox-static" ] && return
	suite_apt bookworm apt-get update >&2
	unpack bookworm busybox-static "$VM/cache/busybox-static"
}

# copy_program ROOT FILE: the program as ROOT/bin/NAME, its shared libraries where the linker looks.
copy_program() {
	local library
	install -D "$2" "$1/bin/${2##*/}"
	ldd "$2" | grep -oE '/[^ ]+' | while read -r library; do
		[ -e "$1$library" ] || install -D "$library" "$1$library"
	done
}

# make_initramfs KERNEL_DIR EXPECTATION RET_FILE
make_initramfs() {
	local root=$VM/root module file number=10 # the guest loads them by name
	rm -rf "$root"
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,lib/modules}
	cp "$VM/cache/busybox-static/bin/busybox" "$root/bin/"
	for file in "${PROGRAMS[@]}" "${TOOLS[@]}"; do
		copy_program "$root" "$(command -v "$file")"
	done
	ln -s dash "$root/bin/sh"
	install vmtest/init "$root/init"
	install vmtest/guest.sh "$root/guest.sh"
	echo "$2" > "$root/expectation"
	for module in "${MODULES[@]}"; do
		file=$(find "$1/lib/modules" -name "$module.ko*" -print -quit)
		case $file in
		*.ko) cp "$file" "$root/lib/modules/$number-$module.ko" ;;
		*.ko.xz) xz -dc "$file" > "$root/lib/modules/$number-$module.ko" ;;
		*) die "$1 has no module $module" ;;
		esac
		number=$((number + 1))
	done
	(cd "$root" && find . | "$root/bin/busybox" cpio -o -H newc > "$3" 2>/dev/null)
}

# boot KERNEL_DIR INITRAMFS STATUS_FILE
boot() {
	timeout --kill-after=5 "$LIMIT_S" qemu-system-x86_64 \
		-machine pc -accel tcg -cpu max -smp 2 -m "$MEMORY_MB" \
		-nodefaults -display none -no-reboot \
		-serial stdio -serial "file:$3" \
		-kernel "$1"/boot/vmlinuz-* -initrd "$2" \
		-append 'console=ttyS0 quiet loglevel=3 panic=-1 net.ifnames=0' < /dev/null
}

# run_line SUITE PATTERN EXPECTATION
run_line() {
	local kernel status=$VM/status
	kernel=$(fetch_kernel "$1" "$2")
	make_initramfs "$kernel" "$3" "$VM/initramfs"
	say "${kernel##*/}: booting, expecting $3"
	: > "$status"
	boot "$kernel" "$VM/initramfs" "$status" | sed 's/\r$//; s/^/    /' ||
		say "${kernel##*/}: qemu ended with an error or was stopped after $LIMIT_S s"
	if [ "$(tr -d '\r\n' < "$status")" = "status 0" ]; then
		say "${kernel##*/}: passed"
		return 0
	fi
	say "${kernel##*/}: FAILED ($(tr -d '\r\n' < "$status" | grep . || echo 'no status handed back'))"
	return 1
}

mkdir -p "$VM"
fetch_busybox
passed=0 failed=0
while read -r suite pattern expectation; do
	if run_line "$suite" "$pattern" "$expectation"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done < <(grep -vE '^[[:space:]]*(#|$)' vmtest/kernels.txt | grep -E "${1:-.}")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
