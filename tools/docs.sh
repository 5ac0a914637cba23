#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rewrites the table in docs/configuration.md from the daemon's own settings table. With --check it only
# says whether the page is current.
set -euo pipefail
cd "$(dirname "$0")/.."

page=docs/configuration.md
new=$(mktemp)
trap 'rm -f "$new"' EXIT
{
	sed '/^<!-- table -->$/q' "$page"
	build/axfwd --print-settings
	sed -n '/^<!-- end -->$/,$p' "$page"
} >"$new"
if [ "${1:-}" = --check ]; then
	cmp -s "$new" "$page" || { echo "$page is out of date: make docs" >&2; exit 1; }
else
	cat "$new" >"$page"
fi
