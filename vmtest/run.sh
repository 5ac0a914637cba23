#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Boots the kernels of kernels.txt in qemu and runs guest.sh in each with our programs. A guest hands its
# results and its exit status back over a serial port of its own; one that hands back no status has failed,
# and so has one that takes too long, or whose kernel can't be fetched.
#
#   vmtest/run.sh [OPTION...] [PATTERN...]    the lines of kernels.txt that match one, or all
#
#   -j N            guests at once; default: half as many as there are processors, if memory allows
#   -v              show the guests' consoles while they run (they are kept in build/vmtest anyway)
#   --accel kvm     or tcg; default: kvm if a guest comes up on it within seconds
#   --update        look for newer kernels than the ones that were fetched before
#   --json          print the summary as JSON, which is in build/vmtest/summary.json anyway
#   --kernels FILE  another list than kernels.txt
#   --guest FILE    another script to run in the guest than guest.sh
#
# Environment: VMTEST_MIRROR and VMTEST_SECURITY_MIRROR (where packages come from), VMTEST_BOOT_LIMIT_S and
# VMTEST_LIMIT_S (how long a guest may take), VMTEST_DIR (for what it writes), VMTEST_CACHE (for packages).
# Exit status: 0 every kernel passed, 1 one failed, 2 wrong usage or something to install first.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # depmod, modprobe

VM=${VMTEST_DIR:-$PWD/build/vmtest}
CACHE=${VMTEST_CACHE:-$PWD/build/vmtest/cache}
KERNELS=vmtest/kernels.txt GUEST=vmtest/guest.sh
JOBS='' ACCELERATOR='' UPDATE=false JSON=false VERBOSE=false PATTERNS=()
TAIL_LINES=60 # of a console that are shown when its guest failed
POLL_S=0.2    # how soon the end of a guest whose console is shown is noticed

. vmtest/fetch.sh
. vmtest/initramfs.sh
. vmtest/boot.sh
. vmtest/summary.sh

# say LABEL TEXT
say() { printf 'vmtest: %-10s %s\n' "$1" "$2"; }
die() { printf 'vmtest: %s\n' "$1" >&2; exit 2; }
usage() { sed -n '/^#   vmtest/,/^# Exit/s/^# \{0,1\}//p' "$0"; }

read_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		-h | --help) usage; exit 0 ;;
		-v) VERBOSE=true ;;
		--update) UPDATE=true ;;
		--json) JSON=true ;;
		-j | --accel | --kernels | --guest)
			[ $# -gt 1 ] || die "$1 wants a value; see --help"
			case $1 in
			-j) JOBS=$2 ;;
			--accel) ACCELERATOR=$2 ;;
			--kernels) KERNELS=$2 ;;
			--guest) GUEST=$2 ;;
			esac
			shift
			;;
		-*) die "there is no option $1; see --help" ;;
		*) PATTERNS+=("$1") ;;
		esac
		shift
	done
	[[ $JOBS =~ ^([1-9][0-9]*)?$ ]] || die "-j $JOBS: not a number of guests"
	[[ $ACCELERATOR =~ ^(kvm|tcg)?$ ]] || die "--accel $ACCELERATOR: neither kvm nor tcg"
}

demand() {
	local tool
	for tool in qemu-system-x86_64 busybox depmod modprobe xz zstd apt-get dpkg-deb clang setpriv "${TOOLS[@]}"; do
		command -v "$tool" > /dev/null || die "$tool is missing: tools/deps.sh build test installs it"
	done
	for tool in "${PROGRAMS[@]}"; do
		[ -x "$tool" ] || die "$tool isn't built: make vmtest builds it first"
	done
}

# The chosen lines of the list: SUITES, NAMES (patterns of packages), MODES (expectations), all by line.
read_kernels() {
	local suite name mode
	SUITES=() NAMES=() MODES=()
	while read -r suite name mode; do
		SUITES+=("$suite") NAMES+=("$name") MODES+=("$mode")
	done < <(grep -vE '^[[:space:]]*(#|$)' "$KERNELS" |
		grep -E "$(IFS='|'; echo "${PATTERNS[*]:-.}")")
	[ ${#SUITES[@]} -gt 0 ] || die "no line of $KERNELS matches ${PATTERNS[*]:-anything}"
}

# Half the processors, because a guest has two; and no more guests than half the free memory holds.
default_jobs() {
	local by_cores by_memory
	by_cores=$(($(nproc) / 2))
	by_memory=$(awk -v each=$((MEMORY_MB + TRANSLATED_MB)) '/^MemAvailable/ { print int($2 / 1024 / 2 / each) }' /proc/meminfo)
	echo $((by_cores < by_memory ? (by_cores > 1 ? by_cores : 1) : (by_memory > 1 ? by_memory : 1)))
}

# fetch_all: KERNEL_DIRS by line; one that can't be fetched has failed already.
fetch_all() {
	local line folder
	KERNEL_DIRS=()
	for line in "${!SUITES[@]}"; do
		if folder=$(fetch_kernel "${SUITES[$line]}" "${NAMES[$line]}" 2> "$VM/fetch.log"); then
			say "${SUITES[$line]}" "${folder##*/}"
		else
			while read -r reason; do say "${SUITES[$line]}" "$reason"; done < "$VM/fetch.log"
			record "$line" problem="$(head -n 1 "$VM/fetch.log")"
			folder=
		fi
		KERNEL_DIRS+=("$folder")
	done
}

# show_console LABEL
show_console() {
	sed -u "s/\r\$//; s/^/$1 | /"
}

# run_line LINE: in a process of its own
run_line() {
	local kernel=${KERNEL_DIRS[$1]} folder label release boot_s total_s passed failed problem guest qemu
	label=${SUITES[$1]} folder=$VM/guests/$1
	rm -rf "$folder"
	mkdir -p "$folder"
	: > "$folder/rows"
	: > "$folder/console"
	make_kernel_part "$kernel" "${MODES[$1]}" "$folder/kernel.cpio"
	cat "$VM/programs.cpio" "$folder/kernel.cpio" > "$folder/initramfs"
	say "$label" "booting on $ACCELERATOR, expecting ${MODES[$1]%% *}; console: $folder/console"
	start_qemu "$ACCELERATOR" "$kernel" "$folder/initramfs" "$folder/console"
	! $VERBOSE || tail -n +1 -f -s "$POLL_S" --pid="$qemu" "$folder/console" | show_console "$label" &
	watch_guest "$label" "$folder/console" "$folder/rows"
	stop_qemu
	wait # for the rest of the console
	rm "$folder/initramfs" "$folder/kernel.cpio"
	record "$1" package="${kernel##*/}" release="$release" accelerator="$ACCELERATOR" boot_s="$boot_s" \
		total_s="$total_s" passed="$passed" failed="$failed" problem="$problem"
	if [ -z "$problem" ]; then
		say "$label" "passed, $total_s s"
		return
	fi
	say "$label" "FAILED: $problem"
	$VERBOSE || tail -n "$TAIL_LINES" "$folder/console" | show_console "$label"
}

run_all() {
	local line
	for line in "${!SUITES[@]}"; do
		[ -n "${KERNEL_DIRS[$line]}" ] || continue
		while [ "$(jobs -pr | wc -l)" -ge "$JOBS" ]; do
			wait -n || true
		done
		run_line "$line" &
	done
	wait
}

# first_kernel: of those that could be fetched
first_kernel() {
	printf '%s\n' "${KERNEL_DIRS[@]}" | grep -m1 .
}

test_kernels() {
	local kernel
	fetch_all
	kernel=$(first_kernel) || return 0
	make_programs "$GUEST" "$VM/programs.cpio"
	: "${ACCELERATOR:=$(choose_accelerator "$kernel" "$VM/programs.cpio")}"
	: "${JOBS:=$(default_jobs)}"
	say all "$ACCELERATOR, $JOBS at once"
	run_all
}

# Guests end with the processes that watch them.
clean_up() {
	jobs -pr | xargs -r kill 2> /dev/null || true
	rm -rf "$VM"/root.* "$VM/programs.cpio"
}

main() {
	read_options "$@"
	read_kernels
	demand
	mkdir -p "$VM" "$CACHE"
	exec {lock}> "$VM/lock"
	flock -n "$lock" || die "another vmtest is running in $VM"
	rm -rf "$VM/results"
	mkdir "$VM/results"
	trap clean_up EXIT
	if $JSON; then test_kernels >&2; else test_kernels; fi
	summarise
}
main "$@"
