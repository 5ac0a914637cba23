#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests and ends with "N passed, N failed", alone on its line:
#
#   tests/run.sh unit   every tests/unit program under ASan and UBSan; needs no privilege
#   tests/run.sh root   programs in this kernel, in Debian's 6.1 (qemu), and end to end
#   tests/run.sh all    both
#
# The output of each program is kept in build/test/ and shown when it fails. A program that dies
# without a count is one failure; a skipped test is a failure too, because everything a test could
# miss is installed by tools/deps.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

SAN=address,undefined
LOGS=build/test
PROGRAM_LIMIT_S=300 # a test program that takes this long hangs
PACKET_CASES=1000000    # half a minute
PYTHON=/usr/bin/python3 # Debian's, which has Debian's pytest
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1

passed=0 failed=0
broken=() # the logs of what failed

# count PATTERN LOG: the sum of the numbers where it matches in cmocka's or pytest's summary or in a line
# "N passed, N failed".
count() {
	grep -E '^\[  (PASSED|FAILED)  \] ([a-z]+: )?[0-9]+ test|^[0-9]+ passed, [0-9]+ failed$|^=+ .* in [0-9.]+s' "$2" |
		grep -oE "$1" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }'
}

# tally NAME LOG STATUS: adds up and says so; false when something failed
tally() {
	local good bad
	good=$(count 'PASSED  \] [0-9]+|[0-9]+ passed' "$2")
	bad=$(count 'FAILED  \] [a-z]*:? ?[0-9]+|[0-9]+ (failed|errors?|skipped)' "$2")
	if [ $((good + bad)) -eq 0 ] || [ "$3" -ne 0 ] && [ "$bad" -eq 0 ]; then
		bad=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	if [ "$bad" -eq 0 ]; then
		printf '  %-28s %4d passed\n' "$1" "$good"
	else
		printf '  %-28s %4d passed, %d FAILED (exit status %d)\n' "$1" "$good" "$bad" "$3"
		broken+=("$2")
	fi
	[ "$bad" -eq 0 ]
}

# run NAME COMMAND...
run() {
	local name=$1 log=$LOGS/${1//\//-}.log status=0
	shift
	"$@" > "$log" 2>&1 || status=$?
	tally "$name" "$log" "$status" || tail -n 200 "$log" | sed 's/^/    /'
}

# run_shown NAME COMMAND...: the same for what takes minutes, so it is shown while it runs
run_shown() {
	local name=$1 log=$LOGS/${1//\//-}.log status=0
	shift
	"$@" 2>&1 | tee "$log" | sed -u 's/^/    /' || status=$?
	tally "$name" "$log" "$status" || true
}

# What can't be built fails when it is run; the rest is tested all the same.
build() {
	echo "Building $*"
	make --no-print-directory -k -j"$(nproc)" -s "$@" || echo "  not everything could be built"
}

unit() {
	local source test
	build SAN="$SAN" unit
	# The rules are compiled by the first program that wants them, not by each.
	install -d -m 0700 "$LOGS/cache"
	local -x AXFW_TEST_CACHE=$PWD/$LOGS/cache
	for source in tests/unit/test_*.c; do
		test=$(basename "$source" .c)
		run "unit/${test#test_}" timeout "$PROGRAM_LIMIT_S" "build/san/unit/$test"
	done
}

root() {
	if [ "$(id -u)" -ne 0 ]; then
		echo "These tests load BPF programs and make network namespaces: run them as root." >&2
		failed=$((failed + 1))
		return
	fi
	build all build/bpf-tests build/kernel-tests build/packet-fuzz build/connection-fuzz
	build SAN="$SAN" build/san/packet-fuzz
	run bpf timeout "$PROGRAM_LIMIT_S" build/bpf-tests
	run packets timeout "$PROGRAM_LIMIT_S" build/san/packet-fuzz --cases "$PACKET_CASES" tests/packets/seeds
	run kernel timeout "$PROGRAM_LIMIT_S" build/kernel-tests
	run_shown vmtest vmtest/run.sh bookworm
	run_shown e2e "$PYTHON" -B -m pytest -p no:cacheprovider tests/e2e --tb=short -rsfE -v
}

mkdir -p "$LOGS"
case ${1:-} in
unit | root) "$1" ;;
all) unit; root ;;
*) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
esac
# Once more at the end, where whoever only has the last lines finds it.
for log in ${broken[@]+"${broken[@]}"}; do
	printf '\n--- %s\n' "$log"
	tail -n 60 "$log"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
