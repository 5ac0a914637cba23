/* SPDX-License-Identifier: Apache-2.0 */
#include "lab.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "kernel/tc.h"

#define PATIENCE_MS 15000 /* far more than anything takes: only a hang gets there */

static char directory[] = "/tmp/axfw-kernel-XXXXXX";
static char pin_dir[108];
static unsigned pin_dirs;
static pid_t peer; /* holds the peer's namespace open */
static int own_netns = -1, peer_netns = -1;

void lab_run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("failed: %s", command);
}

static int hold_peer(void)
{
	int ready[2];
	char byte;

	if (pipe(ready) < 0)
		return -errno;
	peer = fork();
	if (peer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (peer < 0 || read(ready[0], &byte, 1) != 1)
		return -EPERM;
	close(ready[0]);
	return 0;
}

static int open_netns(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int lab_enter(void **state)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(directory) ||
	    mount("bpf", directory, "bpf", 0, "mode=0700") < 0 || hold_peer() < 0) {
		perror("lab");
		return -1;
	}
	own_netns = open_netns(getpid());
	peer_netns = open_netns(peer);
	lab_run("ip link set lo up");
	return own_netns < 0 || peer_netns < 0 ? -1 : 0;
}

int lab_leave(void **state)
{
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	umount(directory);
	rmdir(directory);
	return 0;
}

void lab_enter_peer(void)
{
	assert_int_equal(setns(peer_netns, CLONE_NEWNET), 0);
}

void lab_leave_peer(void)
{
	assert_int_equal(setns(own_netns, CLONE_NEWNET), 0);
}

pid_t lab_peer(void)
{
	return peer;
}

const char *lab_pin_dir(void)
{
	return pin_dir;
}

void lab_new_pin_dir(void)
{
	snprintf(pin_dir, sizeof(pin_dir), "%s/pins%u", directory, pin_dirs++);
}

int lab_new_pins(void **state)
{
	lab_new_pin_dir();
	return 0;
}

struct kernel_options lab_options(const char *interfaces)
{
	static const uint16_t ports[] = { LAB_PORT };
	static const uint8_t key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static struct axfw_route routes[] = {
		{ .line = "POST /v1/guard/check HTTP/1.1\r\n",
		  .kind = AXFW_ROUTE_API_KEY,
		  .body_max = 262144 },
		{ .line = "POST /signup HTTP/1.1\r\n",
		  .kind = AXFW_ROUTE_SIGNUP,
		  .body_max = 65536 },
	};
	struct kernel_options o = {
		.interfaces = interfaces,
		.pin_dir = pin_dir,
		.refuse = REFUSE_ANSWER,
		.ports = ports,
		.port_count = ARRAY_SIZE(ports),
		.routes = routes,
		.route_count = ARRAY_SIZE(routes),
		.admission_key = key,
		.signup = { .window_ns = 3600 * NS_PER_S, .limit = 5 },
		.answers = {
			[AXFW_RESPONSE_UNAUTHORIZED] = {
				401,
				"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n",
				"{\"detail\":\"Invalid or missing API key\"}",
			},
			[AXFW_RESPONSE_SIGNUP_LIMITED] = {
				429,
				"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/html\r\n",
				"Try again in {minutes} minute(s).",
			},
			[AXFW_RESPONSE_QUOTA] = {
				429,
				"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n",
				"{\"retry_after_seconds\":{seconds}}",
			},
			[AXFW_RESPONSE_RATE] = {
				429,
				"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n",
				"{\"retry_after_seconds\":{seconds}}",
			},
			[AXFW_RESPONSE_TOO_LARGE] = {
				413,
				"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\n",
				"{\"limit_bytes\":262144}",
			},
		},
	};

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		routes[i].line_len = strlen(routes[i].line);
	return o;
}

struct kernel *lab_start_options(const struct kernel_options *options)
{
	struct kernel *k = NULL;
	char error[KERNEL_REASON_MAX] = "";

	if (kernel_start(options, &k, error, sizeof(error)) < 0)
		fail_msg("not started: %s", error);
	assert_non_null(k);
	return k;
}

struct kernel *lab_start(const char *interfaces)
{
	struct kernel_options o = lab_options(interfaces);

	return lab_start_options(&o);
}

struct kernel_state lab_state(struct kernel *k)
{
	struct kernel_state s;

	kernel_state(k, &s);
	return s;
}

void lab_start_and_leave(const char *interfaces)
{
	struct kernel_options o = lab_options(interfaces);
	struct kernel *k;

	o.persist = true;
	k = lab_start_options(&o);
	assert_true(lab_state(k).enforcing);
	kernel_stop(&k);
	assert_null(k);
}

void lab_stop_for_good(struct kernel *k)
{
	kernel_stop(&k);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
}

void lab_add_veth(const char *name, unsigned number)
{
	lab_run("ip link add %s type veth peer name %sp netns %d", name, name, peer);
	lab_run("ip address add 10.88.%u.1/24 dev %s && ip link set %s up", number, name, name);
	lab_run("nsenter --net=/proc/%d/ns/net sh -c 'ip link set lo up; ip address add "
		"10.88.%u.2/24 dev %sp && ip link set %sp up'",
		peer, number, name, name);
}

int lab_load_pass(enum bpf_prog_type type)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = BPF_REG_0,
		  .imm = type == BPF_PROG_TYPE_XDP ? XDP_PASS : TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, "someone_elses", "GPL", pass, ARRAY_SIZE(pass), NULL);

	assert_true(fd >= 0);
	return fd;
}

int lab_attach_pass(const char *interface)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int prog_fd = lab_load_pass(BPF_PROG_TYPE_XDP), link_fd;

	link_fd = bpf_link_create(prog_fd, (int)if_nametoindex(interface), BPF_XDP, &opts);
	close(prog_fd);
	assert_true(link_fd >= 0);
	return link_fd;
}

int lab_attach_pass_to_peer(const char *interface)
{
	int link_fd;

	lab_enter_peer();
	link_fd = lab_attach_pass(interface);
	lab_leave_peer();
	return link_fd;
}

void lab_put_filter(const char *interface, enum bpf_tc_attach_point where, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(interface),
		    .attach_point = where);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = priority);
	int r = bpf_tc_hook_create(&hook);

	assert_true(r == 0 || r == -EEXIST);
	opts.prog_fd = lab_load_pass(BPF_PROG_TYPE_SCHED_CLS);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	close(opts.prog_fd);
}

int lab_pinned_fd(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	return bpf_obj_get(path);
}

bool lab_is_pinned(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	return !faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW); /* a note is a symlink */
}

uint32_t lab_pinned_link_id(const char *name)
{
	_cleanup_(closep) int fd = lab_pinned_fd(name);
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

uint32_t lab_pinned_map_id(const char *name)
{
	_cleanup_(closep) int fd = lab_pinned_fd(name);
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

uint32_t lab_pinned_program_id(void)
{
	_cleanup_(closep) int fd = lab_pinned_fd(AXFW_PIN_PROG_XDP);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

void lab_wait(bool (*fact)(void *arg), void *arg, const char *what)
{
	const struct timespec pause = { .tv_nsec = 10 * NS_PER_MS };

	for (unsigned ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (fact(arg))
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("gave up waiting until %s", what);
}

struct axfw_key_hash lab_hash(uint32_t number)
{
	struct axfw_key_hash hash = {};
	uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15ULL; /* spread as a real hash is */

	memcpy(hash.bytes, &mixed, sizeof(mixed));
	memcpy(hash.bytes + 8, &number, sizeof(number));
	return hash;
}

struct axfw_admission lab_admission(uint8_t state, uint32_t number)
{
	return (struct axfw_admission){ .state = state, .tenant_number = 1, .key_number = number };
}
