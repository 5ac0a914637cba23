#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# vmtest has to fail when it should: kernels that can't be fetched, guests that panic, hang, end without a word
# or say that all is well without having tested anything. Boots Debian's 6.1 some times; a minute or two.
set -euo pipefail
cd "$(dirname "$0")/.."

FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
export VMTEST_DIR=$FOLDER/vmtest VMTEST_CACHE=${VMTEST_CACHE:-$PWD/build/vmtest/cache}
KERNEL='bookworm linux-image-6\.1\.0-[0-9]+-cloud-amd64 enforcing'
HANG_S=15 # how long the guest that hangs may take

passed=0 failed=0

# expect NAME WORDS COMMAND...: COMMAND, a vmtest of our list with our guest, fails, and its summary says WORDS
expect() {
	local name=$1 words=$2 status=0
	shift 2
	"$@" vmtest/run.sh --kernels "$FOLDER/kernels" --guest "$FOLDER/guest" > "$FOLDER/log" 2>&1 || status=$?
	if [ "$status" -eq 1 ] && grep -qE "^  .* FAILED: .*$words" "$FOLDER/log" &&
		grep -qE '"result": "failed", "problem": ".+"' "$VMTEST_DIR/summary.json"; then
		passed=$((passed + 1))
		echo "  $name: noticed"
	else
		failed=$((failed + 1))
		echo "FAILED: $name: status $status, and no row that says: $words"
		sed 's/^/    /' "$FOLDER/log"
	fi
}

# kernels LINE...
kernels() { printf '%s\n' "$@" > "$FOLDER/kernels"; }
# guest LINE...
guest() { printf '%s\n' '. /vmtest/lab.sh' "$@" > "$FOLDER/guest"; }

guest 'row good true'
kernels 'bookworm linux-image-9\.9\.9-nothing enforcing'
expect 'unknown package' 'no package of bookworm matches' env
kernels 'bookworn linux-image-6.* enforcing'
expect 'unknown suite' "package list of bookworn can't be fetched" env
kernels "$KERNEL"
expect 'mirror out of reach' "package list of bookworm can't be fetched" \
	env VMTEST_CACHE="$FOLDER/cache" VMTEST_MIRROR=http://127.0.0.1:9/debian
expect 'no sign of life' 'no sign of life within 1 s' env VMTEST_BOOT_LIMIT_S=1

guest 'row good true' 'echo c > /proc/sysrq-trigger' 'sleep 1000'
expect 'panic' 'Kernel panic' env
guest 'row good true' 'sleep 1000'
expect 'hang' "no status within $HANG_S s; the last row was good" env VMTEST_LIMIT_S="$HANG_S"
guest 'row good true' 'poweroff -f'
expect 'no status' 'without a status' env
guest 'echo "status 0"' 'exit 0'
expect 'nothing tested' 'nothing was tested' env
guest 'row bad false' 'exit 0'
expect 'a failed row, whatever the status' 'failed: bad' env
guest 'stumble() { false; true; }' 'row bad stumble' 'row good true' 'all_passed'
expect 'a failed command inside a row' 'failed: bad' env
guest 'row good true' 'exit 3'
expect 'a status of its own' 'status 3' env

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
