#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/fuzz/run.sh PROGRAM...: each for FUZZ_SECONDS (20), from its seeds in tests/fuzz/seeds/ and what earlier
# runs found, kept in build/fuzz/. An input that breaks one stays there as crash-* or timeout-*. Then a million
# packets (FUZZ_CASES, FUZZ_SEED) through the program in this kernel and through its model, and connections
# (FUZZ_CONNECTIONS) over a bad cable; needs root.
set -euo pipefail

SECONDS_EACH=${FUZZ_SECONDS:-20}
INPUT_LIMIT_S=10 # one input that takes longer is a finding
MEMORY_MB=2048
failed=0

for program in "$@"; do
	name=$(basename "$program")
	corpus=build/fuzz/corpus/$name
	seeds=tests/fuzz/seeds/$name
	mkdir -p "$corpus"
	inputs=("$corpus")
	[ ! -d "$seeds" ] || inputs+=("$seeds")
	echo "$name: ${SECONDS_EACH} s"
	if ! "$program" -max_total_time="$SECONDS_EACH" -timeout="$INPUT_LIMIT_S" -rss_limit_mb="$MEMORY_MB" \
		-print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz/$name-" "${inputs[@]}" \
		>"build/fuzz/$name.log" 2>&1; then
		failed=$((failed + 1))
		tail -n 40 "build/fuzz/$name.log"
	fi
	grep -E 'number_of_executed_units' "build/fuzz/$name.log" || true
done

# Other packets in every run; what differs is printed with the command that shows it again.
seed=${FUZZ_SEED:-$(date +%s)}
echo "packet-fuzz: seed $seed"
build/packet-fuzz --seed "$seed" --cases "${FUZZ_CASES:-1000000}" tests/packets/seeds || failed=$((failed + 1))
echo "connection-fuzz: seed $seed"
FUZZ_SEED=$seed FUZZ_CONNECTIONS=${FUZZ_CONNECTIONS:-300} /usr/bin/python3 -B -m pytest -p no:cacheprovider -q -s \
	tests/e2e/test_bad_cable.py || failed=$((failed + 1))
[ "$failed" -eq 0 ]
