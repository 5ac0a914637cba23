/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw doctor's questions about the machine: each is answered by trying what the daemon would do,
 * and what isn't as it should be comes with the thing to do about it. Nothing is attached, pinned
 * or mounted.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include "kernel/internal.h"
#include "kernel/libbpf_log.h"
#include "kernel/netlink.h"
#include "kernel/pins.h"
#include "kernel/trial.h"

#define BTF_PATH     "/sys/kernel/btf/vmlinux"
#define JIT_PATH     "/proc/sys/net/core/bpf_jit_enable"
#define COOKIES_PATH "/proc/sys/net/ipv4/tcp_syncookies"

struct sheet {
	const char *pin_dir;
	bool unprivileged; /* a capability is missing: what fails for it says nothing else */
	struct kernel_check *rows;
	unsigned count, max;
};

static void _printf_(5, 6)
	add(struct sheet *s, const char *name, bool ok, const char *advice, const char *found, ...)
{
	struct kernel_check *row;
	va_list args;

	if (s->count == s->max)
		return;
	row = &s->rows[s->count++];
	memset(row, 0, sizeof(*row));
	row->ok = ok;
	snprintf(row->name, sizeof(row->name), "%s", name);
	snprintf(row->advice, sizeof(row->advice), "%s", ok ? "" : advice);
	va_start(args, found);
	vsnprintf(row->found, sizeof(row->found), found, args);
	va_end(args);
}

static void check_privileges(struct sheet *s)
{
	static const struct {
		unsigned capability;
		const char *name, *advice;
	} rows[] = {
		{ CAP_BPF, "CAP_BPF",
		  "run as root, or with AmbientCapabilities=CAP_BPF in the unit" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN",
		  "run as root, or with AmbientCapabilities=CAP_NET_ADMIN" },
		{ CAP_PERFMON, "CAP_PERFMON",
		  "run as root, or with AmbientCapabilities=CAP_PERFMON" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool have = privileges_have(rows[i].capability) ||
			    (rows[i].capability != CAP_NET_ADMIN && privileges_have(CAP_SYS_ADMIN));

		add(s, rows[i].name, have, rows[i].advice, have ? "held" : "not held");
		s->unprivileged |= !have;
	}
}

static void check_btf(struct sheet *s)
{
	bool have = !access(BTF_PATH, R_OK);

	add(s, "BTF", have,
	    "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (every distribution's is)", "%s %s",
	    BTF_PATH, have ? "is there" : "is missing");
}

/* A switch's first digit; '\0': there is no such switch. */
static char read_switch(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value = '\0';

	return fd >= 0 && read(fd, &value, 1) == 1 ? value : '\0';
}

static void check_jit(struct sheet *s)
{
	char value = read_switch(JIT_PATH);
	/* without the file the JIT is always on (CONFIG_BPF_JIT_ALWAYS_ON) or there is none */
	bool known = value, on = value != '0';

	add(s, "BPF JIT", on, "sysctl -w net.core.bpf_jit_enable=1", "%s",
	    !known ? "no switch: fixed by the kernel"
	    : on   ? "on"
		   : "off: every packet is interpreted");
}

static void check_helpers(struct sheet *s)
{
	char missing[100];
	bool any = features_missing(missing, sizeof(missing));

	add(s, "kernel features", !any,
	    "use kernel 5.18 or later; until then axfwd runs in userspace", "%s%s",
	    any ? "missing: " : "all there", missing);
}

/* The question that the others only explain. */
static void check_load(struct sheet *s)
{
	const int none[MAP_COUNT] = { [0 ... MAP_COUNT - 1] = -1 };
	const uint32_t usual[MAP_COUNT] = {};
	struct object_constants constants = {};
	struct object object = OBJECT_NONE;
	char reason[KERNEL_REASON_MAX] = "the verifier accepts it";
	int r;

	if (s->unprivileged) {
		add(s, "program loads", false, "see the capabilities above", "not tried");
		return;
	}
	r = object_load(&constants, none, usual, HOOK_BIT(HOOK_XDP) | HOOK_BIT(HOOK_TC), &object,
			reason, sizeof(reason));
	object_close(&object);
	add(s, "program loads", r == 0,
	    "see the rows above; with none of them wrong, report this line", "%s", reason);
}

static void check_tc(struct sheet *s)
{
	int r = trial_tc();

	if (r == -EPERM)
		add(s, "TC ingress", true, "", "not tried: that wants CAP_SYS_ADMIN");
	else
		add(s, "TC ingress", r == 0,
		    "modprobe sch_ingress cls_bpf; without them, interfaces where XDP can't answer "
		    "refuse nothing",
		    "%s",
		    r == 0	   ? "a filter can be attached"
		    : r == -ENOENT ? "no clsact (sch_ingress)"
				   : "no BPF classifier (cls_bpf)");
}

static void check_frags(struct sheet *s)
{
	int r = trial_frags();

	if (r == -EPERM)
		add(s, "jumbo frames", true, "", "not tried: that wants CAP_BPF and CAP_NET_ADMIN");
	else
		add(s, "jumbo frames", r == 0,
		    "use kernel 5.18 or later, or an MTU of 1500: native XDP wants whole packets",
		    "xdp.frags: %s", r == 0 ? "yes" : strerror(-r));
}

/* Tier 1's two ways: in the program, where the listener's kernel gives it the number, and in the
 * stack. */
static void check_cookies(struct sheet *s)
{
	char value = read_switch(COOKIES_PATH);
	int helper = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_tcp_gen_syncookie, NULL);

	add(s, "SYN cookies", value == '1' || value == '2', "sysctl -w net.ipv4.tcp_syncookies=1",
	    "net.ipv4.tcp_syncookies = %c%s", value ? value : '?',
	    value == '2'   ? ": always"
	    : value == '1' ? ": when a listener is full"
			   : ": a flood of SYNs fills the listener");
	add(s, "SYN cookies in XDP", helper != 0,
	    "use kernel 5.3 or later built with CONFIG_SYN_COOKIES", "bpf_tcp_gen_syncookie: %s",
	    helper > 0	  ? "yes"
	    : helper == 0 ? "no"
			  : "not known");
}

static void check_bpffs(struct sheet *s)
{
	int r = pins_would_fit(s->pin_dir);

	if (r == 0)
		add(s, "bpffs", true, "", "%.100s is on a BPF file system", s->pin_dir);
	else if (privileges_have(CAP_SYS_ADMIN))
		add(s, "bpffs", true, "", "not mounted yet for %.80s; axfwd will mount it",
		    s->pin_dir);
	else
		add(s, "bpffs", false, "mount -t bpf bpf /sys/fs/bpf", "not mounted for %.80s",
		    s->pin_dir);
}

static void read_driver(const char *name, char ret[static 32])
{
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = (void *)&info;
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		snprintf(info.driver, sizeof(info.driver), "%s",
			 strcmp(name, "lo") ? "unknown driver" : "loopback");
	snprintf(ret, 32, "%.31s", info.driver);
}

/* Native, as far as the kernel tells before attaching. */
static const char *describe_xdp(unsigned index)
{
	uint64_t features;

	if (netlink_xdp_features(index, &features) < 0)
		return "native XDP: not known before attaching";
	return features & NETLINK_XDP_BASIC ? "native XDP: yes" : "native XDP: no, generic works";
}

static void program_name(int fd, char ret[static BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
		memcpy(ret, info.name, BPF_OBJ_NAME_LEN);
}

static void check_program(struct sheet *s, const struct netlink_interface *it, const char *row)
{
	uint32_t id = it->xdp_native	? it->xdp_native
		      : it->xdp_generic ? it->xdp_generic
					: it->xdp_offloaded;
	_cleanup_(closep) int fd = id ? bpf_prog_get_fd_by_id(id) : -1;
	_cleanup_(closep) int pinned = pins_get(s->pin_dir, AXFW_PIN_PROG_XDP);
	char name[BPF_OBJ_NAME_LEN] = "";

	if (!id)
		return;
	program_name(fd, name);
	if (program_id(pinned) == id)
		add(s, row, true, "", "axfw's own program is attached (id %u)", id);
	else if (!strcmp(name, "axfw_xdp"))
		add(s, row, false, "stop the other axfwd, or give this one its --pin-dir",
		    "an axfw program from another pin directory is attached (id %u)", id);
	else
		add(s, row, true, "",
		    "another XDP program is attached (%s%sid %u): axfw stands at TC beside it",
		    name, *name ? ", " : "", id);
}

static void check_peer(struct sheet *s, const struct netlink_interface *it, const char *row)
{
	struct interface as_attached = { .index = it->index, .mode = ATTACH_NATIVE, .link_fd = -1 };
	char reason[KERNEL_REASON_MAX];

	if (strcmp(it->kind, "veth"))
		return;
	memcpy(as_attached.name, it->name, sizeof(as_attached.name));
	if (interface_can_answer(&as_attached, reason, sizeof(reason)))
		add(s, row, true, "", "an answer can leave by XDP");
	else
		add(s, row, true, "", "by TC; XDP %.130s", reason);
}

static void check_interface(struct sheet *s, const char *name)
{
	unsigned index = if_nametoindex(name);
	struct netlink_interface it;
	char driver[32], row[32];
	int r;

	snprintf(row, sizeof(row), "%.15s", name);
	r = index ? netlink_get(index, NETLINK_THIS_NETNS, &it) : -ENODEV;
	if (r < 0) {
		add(s, row, false, "see `ip link` for the names; set --interface", "%s",
		    strerror(-r));
		return;
	}
	read_driver(name, driver);
	if (!it.ethernet) {
		add(s, row, false, "use the interface below it, whose packets are Ethernet's",
		    "its packets have no Ethernet header, so none would be understood");
		return;
	}
	add(s, row, it.up, "ip link set dev NAME up", "%s, %s, %s", it.up ? "up" : "down", driver,
	    describe_xdp(index));
	snprintf(row, sizeof(row), "%.15s: program", name);
	check_program(s, &it, row);
	snprintf(row, sizeof(row), "%.15s: answers", name);
	check_peer(s, &it, row);
}

unsigned kernel_doctor(const char *interfaces, const char *pin_dir, struct kernel_check *ret,
		       unsigned max)
{
	struct sheet s = { .pin_dir = pin_dir, .rows = ret, .max = max };
	_cleanup_(freep) struct kernel *k = calloc(1, sizeof(*k));
	struct utsname name = {};

	if (!k)
		return 0;
	uname(&name);
	add(&s, "kernel", true, "", "%.64s %.64s", name.release, name.machine);
	check_privileges(&s);
	check_btf(&s);
	check_jit(&s);
	check_helpers(&s);
	check_load(&s);
	check_tc(&s);
	check_frags(&s);
	check_cookies(&s);
	check_bpffs(&s);
	if (is_interface_list_empty(interfaces)) {
		add(&s, "interface", false,
		    "set --interface (or AXFW_INTERFACE), for example to lo", "none configured");
		return s.count;
	}
	if (interfaces_parse(k, interfaces) < 0)
		add(&s, "interface", false, "set --interface to a comma list of names", "%s",
		    k->reason);
	for (unsigned i = 0; i < k->interface_count; i++)
		check_interface(&s, k->interfaces[i].name);
	return s.count;
}
