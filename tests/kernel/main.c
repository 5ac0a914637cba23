/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel module against this kernel: root, but nothing outside private namespaces is touched.
 */
#include "lab.h"

int main(void)
{
	int failed = 0;

	if (getenv("AXFW_TEST_DEBUG")) /* libbpf's lines and the verifier's log */
		log_set_level(LOG_LEVEL_DEBUG);
	if (lab_enter(NULL) < 0)
		return 1;
	failed += run_start_tests();
	failed += run_userspace_tests();
	failed += run_doctor_tests();
	failed += run_option_tests();
	failed += run_sync_tests();
	failed += run_interface_tests();
	failed += run_refusal_tests();
	failed += run_upgrade_tests();
	failed += run_denied_tests();
	failed += run_limit_tests();
	lab_leave(NULL);
	return failed ? 1 : 0;
}
