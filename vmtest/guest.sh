#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What runs inside each kernel: the daemon has to come up in the mode that kernels.txt expects, and where
# it enforces, a wrong key is refused by the kernel and the verdict table holds.
set -eu

expectation=$(cat /expectation)
export AXIOM_MASTER_KEY=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
export AXIOM_FIREWALL_SESSION_SECRET=fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210
uname -r

# wait_for COMMAND...: until it succeeds, at most two minutes (compiling the rules takes half of one here)
wait_for() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || { echo "gave up waiting for: $*"; return 1; }
		usleep 100000
	done
}
serves() { curl -sf -o /dev/null http://127.0.0.1:8004/healthz; }
ended() { ! kill -0 "$1" 2>/dev/null; }

axfwd --listen 127.0.0.1:8004 --interface lo --tenant-dir /tmp/tenants &
daemon=$!
wait_for serves
axfw status --json > /tmp/status.json
grep -q "\"mode\": *\"$expectation\"" /tmp/status.json || {
	echo "kernel.mode isn't $expectation:"
	cat /tmp/status.json
	exit 1
}
curl -sSi -d '{"text":"x"}' -H "Authorization: Bearer axfw_0000000000000000000000000000000000000000000" \
	http://127.0.0.1:8004/v1/guard/check > /tmp/answer
cat /tmp/answer
grep -q '^HTTP/1.1 401' /tmp/answer
[ "$expectation" = userspace ] || grep -qi '^x-axfw-path: kernel' /tmp/answer
kill "$daemon"
wait_for ended "$daemon"

[ "$expectation" = userspace ] || { bpf-tests && kernel-tests; }
