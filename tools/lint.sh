#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Looks for what compilers let through, in every file that git knows:
#
#   tools/lint.sh           clang-format, clang-tidy, cppcheck, shellcheck, licence lines (minutes)
#   tools/lint.sh --quick   the same without clang-tidy (seconds)
#   tools/lint.sh FILE…     only these files
#
# Every tool runs, so that one run names everything; the exit status is 1 when any found something.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=false
files=()
for argument in "$@"; do
	case $argument in
	--quick) quick=true ;;
	-*) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
	*) files+=("$argument") ;;
	esac
done
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(git ls-files)

tools/deps.sh build test lint

# those PATTERN: which of the files match; not all tools can do without one
those() {
	printf '%s\n' "${files[@]}" | grep -E "$1" || true
}

# The programs themselves are built for another machine and see other headers.
mapfile -t c < <(those '\.[ch]$')
mapfile -t userspace < <(those '\.c$' | grep -v '\.bpf\.c$')
mapfile -t bpf < <(those '\.bpf\.c$')
mapfile -t shell < <(those '\.sh$|^\.ci/run$|^vmtest/init$')
mapfile -t source < <(those '\.([chs]|sh|py|js|css)$|^Makefile$')

failed=()
# step NAME COMMAND…: shows what it printed only when it failed
step() {
	local name=$1 began=$SECONDS log
	shift
	log=$(mktemp)
	if "$@" >"$log" 2>&1; then
		printf '  %-14s ok, %d s\n' "$name" $((SECONDS - began))
	else
		printf '  %-14s FAILED\n' "$name"
		sed 's/^/    /' "$log"
		failed+=("$name")
	fi
	rm -f "$log"
}

format() {
	clang-format --dry-run -Werror "${c[@]}"
}

licence_lines() {
	local missing
	missing=$(grep -L 'SPDX-License-Identifier: ' "${source[@]}" || true)
	[ -z "$missing" ] || { printf 'no SPDX line: %s\n' "$missing"; return 1; }
}

# tidy FLAGS -- FILES…: one file at a time on each core
tidy() {
	local flags=$1
	shift
	# shellcheck disable=SC2016 # the inner shell expands it
	printf '%s\n' "$@" | FLAGS=$flags xargs -P "$(nproc)" -I '{}' sh -c \
		'output=$(clang-tidy --quiet "{}" -- $FLAGS 2>&1) || printf "%s\n" "$output"' |
		sed -E '/^[0-9]+ (warnings?|errors?) (generated|treated as).*$/d' |
		{ if grep .; then exit 1; fi; }
}

tidy_userspace() {
	make -s build/gen/axfw.skel.h build/gen/axfw_old.skel.h
	tidy "-std=gnu11 -D_GNU_SOURCE -DAXFW_VERSION=\"lint\" -Iinclude -Iuserspace -Ibuild/gen $(
		pkg-config --cflags libbpf libmicrohttpd sqlite3 libcrypto libhs jansson libutf8proc \
			libcurl libcap-ng libseccomp liburcu-bp liburcu-cds libpcre2-8)" "${userspace[@]}"
}

tidy_bpf() {
	tidy "-target bpf -mcpu=v3 -O2 -Iinclude -Ibpf -isystem /usr/include/$(gcc -dumpmachine)" "${bpf[@]}"
}

# One configuration: the #ifdefs of libc's headers don't concern us. cppcheck 2.10 doesn't know the cleanup
# attribute and calls every owner a leak, nor liburcu's iterators (uninitvar; gcc and clang look for that too);
# readdir() is safe on a DIR of one's own, glibc's NULL is a pointer, and its mmap() takes -1 for no file.
cppcheck_all() {
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --library=posix -j "$(nproc)" \
		--enable=warning,performance,portability --max-configs=1 -D_GNU_SOURCE -D__linux__ \
		-DAXFW_VERSION='"lint"' -Iinclude -Iuserspace --suppress=missingIncludeSystem \
		--suppress=unknownMacro --suppress=memleak --suppress=resourceLeak \
		--suppress=uninitvar --suppress=uninitStructMember --suppress=uninitdata \
		--suppress=readdirCalled --suppress=varFuncNullUB --suppress=invalidFunctionArg \
		"${userspace[@]}"
}

[ ${#source[@]} -eq 0 ] || step licences licence_lines
[ ${#c[@]} -eq 0 ] || step clang-format format
[ ${#shell[@]} -eq 0 ] || step shellcheck shellcheck -x "${shell[@]}"
[ ${#userspace[@]} -eq 0 ] || step cppcheck cppcheck_all
if ! $quick; then
	[ ${#bpf[@]} -eq 0 ] || step "clang-tidy bpf" tidy_bpf
	[ ${#userspace[@]} -eq 0 ] || step clang-tidy tidy_userspace
fi

if [ ${#failed[@]} -gt 0 ]; then
	echo "Found something: ${failed[*]}"
	exit 1
fi
echo "Nothing found."
