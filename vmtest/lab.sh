# shellcheck shell=dash
# SPDX-License-Identifier: Apache-2.0
#
# What the guest's tests are written in: rows that the host hears of, two namespaces with a cable, a daemon
# and a client (curl). The guest is theirs alone, so names and paths are plain.

SERVER4=10.77.0.1 SERVER6=fd77::1 PORT=8004
PATIENCE_S=120 # an emulated processor on a busy machine
ROW=/tmp/row   # its log and its status
LOG=/tmp/axfwd.log
SHOWN=1024     # bytes of an answer on the console: a page would hide what comes before it
failed_rows=0
export AXIOM_MASTER_KEY=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
export AXIOM_FIREWALL_SESSION_SECRET=fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210
export AXFW_SOCKET=/tmp/axfw.sock AXFW_CACHE_DIR=/vmtest/cache AXFW_PIN_DIR=/sys/fs/bpf/axfw
export AXIOM_FIREWALL_TENANT_DIR=/tmp/tenants

report() {
	echo "$*" > /dev/ttyS1
}

uptime_s() {
	cut -d. -f1 /proc/uptime
}

# summed EXPRESSION: a test program's own count, over all summaries in the row's log
summed() {
	sed -nE "$1" $ROW.log | awk '{ sum += $1 } END { print sum + 0 }'
}

# row NAME COMMAND...: runs it to the first command that fails and reports "row NAME PASSED FAILED SECONDS". A
# program that counts its tests counts for as many, anything else for one.
row() {
	local name=$1 began passed failed status
	shift
	began=$(uptime_s)
	echo "--- $name"
	{
		(set -e; "$@")
		echo $? > $ROW.status
	} 2>&1 | tee $ROW.log
	read -r status < $ROW.status
	passed=$(summed 's/^([0-9]+) passed, [0-9]+ failed$/\1/p; s/^\[  PASSED  \] ([0-9]+) test.*/\1/p')
	failed=$(summed 's/^[0-9]+ passed, ([0-9]+) failed$/\1/p; s/^\[  FAILED  \] ([0-9]+) test.*/\1/p')
	if [ "$status" -ne 0 ]; then
		echo "--- $name failed, status $status"
		[ "$failed" -gt 0 ] || failed=1
	elif [ $((passed + failed)) -eq 0 ]; then
		passed=1
	fi
	failed_rows=$((failed_rows + (failed > 0)))
	report row "$name" "$passed" "$failed" $(($(uptime_s) - began))
}

# rows NAME...: tests that build on each other, so the first failure ends them
rows() {
	local name
	for name in "$@"; do
		row "$name" "$name" # not in a condition, where set -e would mean nothing
		[ "$failed_rows" -gt 0 ] || continue
		echo "--- axfwd said:"
		cat $LOG
		break
	done
}

all_passed() {
	[ "$failed_rows" -eq 0 ]
}

# wait_for COMMAND...: until it succeeds
wait_for() {
	local end=$(($(uptime_s) + PATIENCE_S))
	until "$@"; do
		[ "$(uptime_s)" -lt $end ] || { echo "gave up waiting for: $*"; return 1; }
		usleep 100000
	done
}

in_server() {
	nsenter --net=/run/netns/server "$@"
}

in_client() {
	nsenter --net=/run/netns/client "$@"
}

# Checksums are made in full, as on a wire: a wrong one would not be noticed otherwise.
make_network() {
	ip netns add server
	ip netns add client
	ip -n server link add s0 type veth peer name c0 netns client
	ip -n server address add $SERVER4/24 dev s0
	ip -n server address add $SERVER6/64 dev s0 nodad
	ip -n client address add 10.77.0.2/24 dev c0
	ip -n client address add fd77::2/64 dev c0 nodad
	in_server ethtool -K s0 tx off
	in_client ethtool -K c0 tx off
	ip -n server link set lo up
	ip -n client link set lo up
	ip -n server link set s0 up
	ip -n client link set c0 up
}

# attach_peer PROGRAM: of tests/e2e/peer.bpf.c, on the client's end of the cable
attach_peer() {
	rm -rf /sys/fs/bpf/peer
	bpftool prog loadall /vmtest/peer.bpf.o /sys/fs/bpf/peer pinmaps /sys/fs/bpf/peer
	in_client bpftool net attach xdpdrv pinned "/sys/fs/bpf/peer/$1" dev c0 overwrite
}

attached() {
	ip -n server link show dev s0 | grep -q xdp
}

status_has() {
	axfw --json status 2> /dev/null | grep -Eq "$1"
}

daemon_pid() {
	cat /tmp/axfwd.pid
}

# start_daemon FLAGS...: returns when it serves. Not through in_server: $! would be a shell's number.
start_daemon() {
	nsenter --net=/run/netns/server axfwd --listen "$SERVER4:$PORT,[$SERVER6]:$PORT,127.0.0.1:$PORT" "$@" >> $LOG 2>&1 &
	echo $! > /tmp/axfwd.pid
	wait_for status_has "\"pid\":$(daemon_pid),"
}

ended() {
	! kill -0 "$1" 2> /dev/null
}

# end_daemon SIGNAL
end_daemon() {
	kill "-$1" "$(daemon_pid)"
	wait_for ended "$(daemon_pid)"
}

# ask HOST PATH CURL-WORDS...: one request from the client. Keeps head and body in /tmp/answer, curl's notes
# in /tmp/notes, and shows what somebody would want to see who looks for a failure.
ask() {
	local host=$1 path=$2 result=0
	shift 2
	case $host in *:*) host="[$host]" ;; esac
	in_client curl -sSvig -m $PATIENCE_S "$@" "http://$host:$PORT$path" > /tmp/answer 2> /tmp/notes || result=$?
	head -c $SHOWN /tmp/answer
	echo
	[ $result -eq 0 ] || cat /tmp/notes
	return $result
}

# guard KEY TEXT: asks for a verdict
guard() {
	ask $SERVER4 /v1/guard/check -H "Authorization: Bearer $1" -d "{\"text\":\"$2\"}"
}

# answered STATUS [kernel|userspace]: the last answer, and who gave it
answered() {
	local by=userspace
	grep -q "^HTTP/1.1 $1 " /tmp/answer || { echo "that isn't status $1"; return 1; }
	if grep -qi '^x-axfw-path: kernel' /tmp/answer; then by=kernel; fi
	[ -z "${2:-}" ] || [ "$by" = "$2" ] || { echo "that came from $by, not from $2"; return 1; }
}

# The client saw an answer and an orderly end, and nobody keeps a socket (listening and TIME-WAIT aside).
closed_cleanly() {
	if [ "$BY" = kernel ]; then
		grep -q 'Closing connection' /tmp/notes
		if grep -iE 'reset|error|left intact' /tmp/notes; then return 1; fi
	fi
	wait_for no_sockets in_server
	wait_for no_sockets in_client
}

no_sockets() {
	[ "$("$1" cat /proc/net/tcp /proc/net/tcp6 |
		awk '$4 ~ /^0[1-9A-F]$/ && $4 != "0A" && $4 != "06" { n++ } END { print n + 0 }')" -eq 0 ]
}
