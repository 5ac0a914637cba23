# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# One guest in qemu, from the first instruction to its status. The kernel's console goes to a file; what the
# guest reports (see lab.sh and init) comes through a second serial port, so that no message of a kernel is
# ever taken for a result. Sourced by run.sh.

MEMORY_MB=768  # axfwd's 256, the initramfs unpacked, and the compiler of patterns
TRANSLATED_MB=128 # of code that qemu keeps translated; its default is a gigabyte a guest
# Debian 12's qemu, emulating, leaves rubbish in the flags after cmpxchg16b, which newer kernels' allocator lives on:
# double faults. Without it they take a lock.
EMULATED_CPU=max,cx16=off
PROBE_LIMIT_S=15 # a processor that isn't emulated is there within two
BOOT_LIMIT_S=${VMTEST_BOOT_LIMIT_S:-180} # until the guest's first word; emulated, ten on an idle machine
LIMIT_S=${VMTEST_LIMIT_S:-1200}         # and from then on; emulated, two to four minutes on an idle machine

# start_qemu ACCELERATOR KERNEL INITRAMFS CONSOLE WORDS...: what the guest reports can be read from $guest; $qemu
# is the process, and WORDS go to the kernel.
start_qemu() {
	local accelerator=tcg,tb-size=$TRANSLATED_MB cpu=$EMULATED_CPU kernel=$2 initramfs=$3 console=$4
	[ "$1" != kvm ] || accelerator=kvm cpu=host
	shift 4
	exec {guest}< <(exec setpriv --pdeathsig KILL qemu-system-x86_64 \
		-machine pc -accel "$accelerator" -cpu "$cpu" -smp 2 -m "$MEMORY_MB" \
		-nodefaults -display none -no-reboot \
		-serial "file:$console" -serial stdio \
		-kernel "$kernel/vmlinuz" -initrd "$initramfs" \
		-append "console=ttyS0 quiet loglevel=3 panic=-1 net.ifnames=0 $*" < /dev/null 2> "$console.qemu")
	qemu=$!
}

# stop_qemu: dead when it returns
stop_qemu() {
	kill -KILL "$qemu" 2> /dev/null || true # gone already, if all went well
	wait "$qemu" 2> /dev/null || true
	exec {guest}<&-
}

# choose_accelerator KERNEL INITRAMFS: prints kvm if that kernel comes up on it within seconds, else tcg. That
# /dev/kvm is there says little: in a virtual machine it may refuse, or crawl and never get anywhere.
choose_accelerator() {
	local word='' qemu guest
	if [ -w /dev/kvm ]; then
		start_qemu kvm "$1" "$2" "$VM/probe" vmtest=probe
		read -r -t "$PROBE_LIMIT_S" -u "$guest" word _
		stop_qemu
	fi
	if [ "$word" = release ]; then echo kvm; else echo tcg; fi
}

# why_no_status CONSOLE RELEASE: what can be told of a guest that ended without a word
why_no_status() {
	if grep -qs '[^[:space:]]' "$1.qemu" && [ -z "$2" ]; then
		echo "qemu: $(tail -n 1 "$1.qemu")"
	elif grep -qsa 'Kernel panic' "$1"; then
		grep -aom1 'Kernel panic.*' "$1" | tr -d '\r'
	else
		echo "the guest ended without a status"
	fi
}

# watch_guest LABEL CONSOLE ROWS: reads reports until the guest has ended or took too long. Rows go to ROWS, the
# story into the caller's $release, $boot_s, $total_s, $passed, $failed and $problem (empty: all is well).
# shellcheck disable=SC2034 # the caller's
watch_guest() {
	local began=$SECONDS since=$SECONDS limit_s=$BOOT_LIMIT_S awaited='sign of life' left_s
	local word rest name good bad took status='' failed_rows='' last=''
	release='' boot_s=0 passed=0 failed=0
	while left_s=$((since + limit_s - SECONDS)); [ "$left_s" -gt 0 ]; do
		read -r -t "$left_s" -u "$guest" word rest || break
		case $word in
		release)
			release=$rest boot_s=$((SECONDS - began))
			since=$SECONDS limit_s=$LIMIT_S awaited=status
			;;
		row)
			read -r name good bad took <<< "$rest"
			passed=$((passed + good)) failed=$((failed + bad)) last=$name
			[ "$bad" -eq 0 ] || failed_rows+="${failed_rows:+, }$name"
			echo "$rest" >> "$3"
			say "$1" "$(printf '%-26s %4d passed, %d failed, %d s' "$name" "$good" "$bad" "$took")"
			;;
		status) status=$rest ;;
		esac
	done
	total_s=$((SECONDS - began))
	if [ -n "$status" ]; then
		problem=$(judge_status "$status" "$failed_rows")
	elif [ $((SECONDS - since)) -ge "$limit_s" ]; then
		problem="no $awaited within $limit_s s${last:+; the last row was $last}"
	else
		problem=$(why_no_status "$2" "$release")
	fi
}

# judge_status STATUS FAILED-ROWS: prints what is wrong
judge_status() {
	if [ -n "$2" ]; then
		echo "failed: $2"
	elif [ "$1" != 0 ]; then
		echo "the guest handed back status $1"
	elif [ "$passed" -eq 0 ]; then
		echo "status 0, but nothing was tested"
	fi
}
