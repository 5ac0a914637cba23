#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What runs inside each kernel: where axfwd enforces, the verdict table, the kernel module's tests and the
# core of the end-to-end tests; where it can't, everything that userspace has to do instead, and the
# reason. Which of the two is kernels.txt's to say, not the guest's to find out.
. /vmtest/lab.sh
. /vmtest/e2e.sh

read -r EXPECTED REASON < /vmtest/expectation
export EXPECTED REASON

case $EXPECTED in
enforcing)
	BY=kernel
	row bpf-tests bpf-tests
	row kernel-tests kernel-tests
	make_network
	attach_peer pass
	rows start_enforcing sign_up_key_and_verdicts unknown_key unknown_key_ipv6 late_body lost_answer \
		signup_limit quota revoked_key daemon_stopped daemon_replaced daemon_killed clock_set daemon_ended \
		tc_ingress loopback
	;;
userspace)
	BY=userspace
	make_network
	rows start_in_userspace doctor_says_why sign_up_key_and_verdicts unknown_key unknown_key_ipv6 late_body \
		signup_limit quota revoked_key daemon_replaced daemon_killed clock_set daemon_ended
	;;
*)
	echo "kernels.txt says '$EXPECTED': neither enforcing nor userspace"
	exit 2
	;;
esac
row kernel_log kernel_log
all_passed
