#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints compile_commands.json from what make would run, so that it never differs from the build.
set -euo pipefail
cd "$(dirname "$0")/.."

make --always-make --dry-run --no-print-directory all unit 2>/dev/null |
	awk -v dir="$PWD" '
	/ -c [^ ]*\.c -o / {
		match($0, / -c [^ ]*\.c /)
		file = substr($0, RSTART + 4, RLENGTH - 5)
		gsub(/\\/, "\\\\"); gsub(/"/, "\\\"")
		printf "%s\n{\"directory\":\"%s\",\"file\":\"%s\",\"command\":\"%s\"}", n++ ? "," : "[", dir, file, $0
	}
	END { print n ? "\n]" : "[]" }'
