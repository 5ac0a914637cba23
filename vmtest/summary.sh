# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What came of each kernel, for people and for programs. A line of kernels.txt that has no record has failed:
# whatever kept it from being written was no success. Sourced by run.sh.

# record LINE NAME=VALUE...: kept as a file for each value, because guests run in processes of their own
record() {
	local folder=$VM/results/$1 pair
	mkdir -p "$folder"
	shift
	for pair in "$@"; do
		printf '%s' "${pair#*=}" > "$folder/${pair%%=*}"
	done
}

# recorded LINE NAME [DEFAULT]
recorded() {
	if [ -s "$VM/results/$1/$2" ]; then cat "$VM/results/$1/$2"; else printf '%s' "${3:-}"; fi
}

# problem_of LINE: nothing if it passed
problem_of() {
	if [ -e "$VM/results/$1/problem" ]; then recorded "$1" problem; else echo "vmtest itself failed; see above"; fi
}

json_string() {
	local text=${1//\\/\\\\}
	text=${text//\"/\\\"}
	printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# json_rows LINE: what the guest reported
json_rows() {
	local name passed failed took separator=
	[ -e "$VM/guests/$1/rows" ] && [ -n "$(recorded "$1" package)" ] || return 0
	while read -r name passed failed took; do
		printf '%s{"name": %s, "passed": %d, "failed": %d, "seconds": %d}' \
			"$separator" "$(json_string "$name")" "$passed" "$failed" "$took"
		separator=', '
	done < "$VM/guests/$1/rows"
}

json_kernel() {
	local problem
	problem=$(problem_of "$1")
	printf '{"suite": %s, "package": %s, "release": %s, "expected": %s, "accelerator": %s, "boot_seconds": %d, ' \
		"$(json_string "${SUITES[$1]}")" "$(json_string "$(recorded "$1" package "${NAMES[$1]}")")" \
		"$(json_string "$(recorded "$1" release)")" "$(json_string "${MODES[$1]%% *}")" \
		"$(json_string "$(recorded "$1" accelerator)")" "$(recorded "$1" boot_s 0)"
	printf '"seconds": %d, "passed": %d, "failed": %d, "result": "%s", "problem": %s, "rows": [%s]}' \
		"$(recorded "$1" total_s 0)" "$(recorded "$1" passed 0)" "$(recorded "$1" failed 0)" \
		"$([ -z "$problem" ] && echo passed || echo failed)" "$(json_string "$problem")" "$(json_rows "$1")"
}

json_summary() {
	local line separator=
	printf '{"passed": %d, "failed": %d, "kernels": [' "$1" "$2"
	for line in "${!SUITES[@]}"; do
		printf '%s\n  %s' "$separator" "$(json_kernel "$line")"
		separator=,
	done
	printf '\n]}\n'
}

table_row() {
	printf '  %-34s %-10s %-5s %6s %6s %6s  %s\n' "$@"
}

print_table() {
	local line problem name
	echo
	table_row kernel expected accel "boot s" "all s" tests result
	for line in "${!SUITES[@]}"; do
		problem=$(problem_of "$line")
		name=$(recorded "$line" release "$(recorded "$line" package "no kernel")")
		name="${SUITES[$line]} ${name#linux-image-}"
		table_row "$name" "${MODES[$line]%% *}" "$(recorded "$line" accelerator -)" \
			"$(recorded "$line" boot_s -)" "$(recorded "$line" total_s -)" \
			"$(($(recorded "$line" passed 0) + $(recorded "$line" failed 0)))" \
			"${problem:+FAILED: }${problem:-passed}"
	done
	echo
}

# summarise: its status is vmtest's
summarise() {
	local line passed=0 failed=0
	for line in "${!SUITES[@]}"; do
		if [ -z "$(problem_of "$line")" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
	done
	json_summary "$passed" "$failed" > "$VM/summary.json"
	if $JSON; then
		cat "$VM/summary.json"
	else
		print_table
		echo "$passed passed, $failed failed"
	fi
	[ "$failed" -eq 0 ]
}
