# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the guests boot into: one archive with the programs, the same for all, and one for each kernel with its
# modules and its expectation. The kernel unpacks both, one after the other. Sourced by run.sh.

PROGRAMS=(build/axfwd build/axfw build/bpf-tests build/kernel-tests)
# What the tests call and busybox does less well; its shell would prefer its own.
TOOLS=(dash curl ip tc nsenter ethtool findmnt bpftool)
# What Debian doesn't build in of what the programs attach to and the tests use.
MODULES=(veth sch_ingress cls_bpf tun 8021q)

# pack FOLDER ARCHIVE
pack() {
	(cd "$1" && find . | busybox cpio -o -H newc > "$2" 2> /dev/null)
}

# copy_program ROOT FILE: the program as ROOT/bin/NAME, its shared libraries, if any, where the linker looks
copy_program() {
	local library
	install -D "$2" "$1/bin/${2##*/}"
	for library in $(ldd "$2" 2> /dev/null | grep -oE '/[^ ]+'); do
		[ -e "$1$library" ] || install -D "$library" "$1$library"
	done
}

# make_programs GUEST ARCHIVE: GUEST is the script that runs the tests
make_programs() {
	local root file
	root=$(mktemp -d "$VM/root.XXXXXX")
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,lib/modules,vmtest}
	for file in busybox "${PROGRAMS[@]}" "${TOOLS[@]}"; do
		copy_program "$root" "$(command -v "$file")"
	done
	ln -s dash "$root/bin/sh"
	install vmtest/init "$root/init"
	cp vmtest/lab.sh vmtest/e2e.sh "$root/vmtest/"
	cp "$1" "$root/vmtest/guest.sh"
	# The compiled rules: an emulated processor takes minutes for what takes ten seconds here.
	install -d -m 0700 "$root/vmtest/cache"
	AXFW_CACHE_DIR="$root/vmtest/cache" build/axfw check /dev/null > /dev/null
	clang -target bpf -O2 -g -isystem "/usr/include/$(gcc -dumpmachine)" -c tests/e2e/peer.bpf.c \
		-o "$root/vmtest/peer.bpf.o"
	pack "$root" "$2"
	rm -rf "$root"
}

# module_files KERNEL: the modules' files in the order to load them in; what is built in has none
module_files() {
	local module
	for module in "${MODULES[@]}"; do
		modprobe -d "$1" -S "$(kernel_release "$1")" --show-depends "$module" ||
			{ echo "$1 has no module $module" >&2; return 1; }
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# make_kernel_part KERNEL EXPECTATION ARCHIVE
make_kernel_part() {
	local root file number=100 # init loads them by name
	root=$(mktemp -d "$VM/root.XXXXXX")
	mkdir -p "$root"/{lib/modules,vmtest}
	echo "$2" > "$root/vmtest/expectation"
	module_files "$1" > "$root.modules"
	while read -r file; do
		case $file in
		*.ko) cp "$file" "$root/lib/modules/$number-${file##*/}" ;;
		*.ko.xz) xz -dc "$file" > "$root/lib/modules/$number-$(basename "$file" .xz)" ;;
		*.ko.zst) zstd -qdc "$file" > "$root/lib/modules/$number-$(basename "$file" .zst)" ;;
		*) echo "$file: packed in a way that vmtest doesn't know" >&2; return 1 ;;
		esac
		number=$((number + 1))
	done < "$root.modules"
	pack "$root" "$3"
	rm -rf "$root" "$root.modules"
}
