#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures, prints tables and writes build/bench.json:
#
#   tools/bench/run.sh                   every part, about three minutes
#   tools/bench/run.sh verdicts start    only these; --help lists them
#   tools/bench/run.sh --full            as long as the stated targets say (60 s of load)
#
# Needs root for everything that touches the kernel; the namespaces it makes are its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec /usr/bin/python3 -B tools/bench/bench.py "$@"
