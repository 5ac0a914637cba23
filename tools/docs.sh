#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rewrites the tables in docs/ from the code's own: settings, and why a packet got its verdict. With --check
# it only says whether the pages are current.
set -euo pipefail
cd "$(dirname "$0")/.."

print_reasons() {
	echo "| Reason | Verdict | Why |"
	echo "|---|---|---|"
	sed -nE 's/^\tX\(([A-Z_]+), ([A-Z]+), "(.*)"\).*/\1|\2|\3/p' include/axfw/reason.h |
		while IFS='|' read -r name action text; do
			echo "| \`${name,,}\` | ${action,,} | $text |"
		done
}

# Replaces what stands between the line $2 and the next <!-- end --> in page $1 by the standard input.
put_table() {
	local new
	new=$(mktemp)
	{
		sed "/^<!-- $2 -->\$/q" "$1"
		cat
		sed -n '/^<!-- end -->$/,$p' "$1"
	} >"$new"
	if [ "$mode" != --check ]; then
		cat "$new" >"$1"
	elif ! cmp -s "$new" "$1"; then
		echo "$1 is out of date: make docs" >&2
		stale=1
	fi
	rm -f "$new"
}

mode=${1:-} stale=0
put_table docs/configuration.md table < <(build/axfwd --print-settings)
put_table docs/kernel.md reasons < <(print_reasons)
exit $stale
