/* SPDX-License-Identifier: Apache-2.0 */
/* A private network and mount namespace with a bpffs of its own; everything goes when the process
 * ends. */
#ifndef TESTS_KERNEL_LAB_H
#define TESTS_KERNEL_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <string.h>
#include <cmocka.h>
#include "axfw/maps.h"
#include "kernel/kernel.h"

#define LAB_PORT 8004

int lab_enter(void **state); /* cmocka group setup and teardown */
int lab_leave(void **state);

/* Pin directory of the running test: new for each, below the bpffs. */
const char *lab_pin_dir(void);
void lab_new_pin_dir(void);
int lab_new_pins(void **state); /* the same, as a test's setup */

/* What a daemon would pass: two guard routes, signup, the three answers, key 00 01 … 0f. */
struct kernel_options lab_options(const char *interfaces);
struct kernel *lab_start(const char *interfaces);
struct kernel *lab_start_options(const struct kernel_options *options);
struct kernel_state lab_state(struct kernel *k);
void lab_start_and_leave(const char *interfaces); /* as a daemon that ended with persist */
void lab_stop_for_good(struct kernel *k);	  /* nothing may be left */

void lab_run(const char *format, ...) _printf_(1, 2); /* a shell command that must succeed */
/* A veth pair: NAME here, NAMEp in another namespace, both up, 10.88.N.1/24 and 10.88.N.2/24. */
void lab_add_veth(const char *name, unsigned number);
void lab_enter_peer(void); /* the calling thread's next sockets and netlink calls are the peer's */
void lab_leave_peer(void);
pid_t lab_peer(void);			    /* a process in that namespace */
int lab_load_pass(enum bpf_prog_type type); /* a program that passes everything: its fd */
/* Attaches a passing program, natively, to an interface of the namespace the thread is in. */
int lab_attach_pass(const char *interface);	    /* a link's fd: close it to detach */
int lab_attach_pass_to_peer(const char *interface); /* of the peer's namespace */

/* Somebody else's TC filter, with our handle. */
void lab_put_filter(const char *interface, enum bpf_tc_attach_point where, uint32_t priority);

bool lab_is_pinned(const char *name);
uint32_t lab_pinned_link_id(const char *name);
uint32_t lab_pinned_map_id(const char *name);
uint32_t lab_pinned_program_id(void);
int lab_pinned_fd(const char *name);
void lab_wait(bool (*fact)(void *arg), void *arg, const char *what);

struct axfw_key_hash lab_hash(uint32_t number);
struct axfw_admission lab_admission(uint8_t state, uint32_t number);

/* Suites, one per file. */
int run_start_tests(void);
int run_userspace_tests(void);
int run_doctor_tests(void);
int run_option_tests(void);
int run_sync_tests(void);
int run_interface_tests(void);
int run_refusal_tests(void);
int run_upgrade_tests(void);
int run_denied_tests(void);
int run_limit_tests(void);

#endif
