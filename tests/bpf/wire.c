// SPDX-License-Identifier: Apache-2.0
/*
 * The TC program between real sockets: over veth to a client in another namespace, and over lo. The
 * verdict table can't see what the kernel does with the packet afterwards: whether a checksum that
 * somebody else was to finish is right on the wire, whether what is redirected arrives, whether
 * both ends are rid of their sockets.
 *
 * Checksums come in two kinds. A veth that offloads hands over packets whose checksum nobody has
 * finished; one that doesn't, packets whose checksum is complete. Each kind arrives, and leaves
 * by an interface of each kind, and the client's stack judges what it gets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "run.h"
#include "tiers.h"
#include "axfw.skel.h"

#define SERVER_IF "wire0"
#define CLIENT_IF "wire1"
/* linux/ethtool.h has a PORT_OTHER of its own. */
#define ETHTOOL_SET_TX_CHECKSUM 0x17
#define WAIT_MS			10000 /* for what takes a moment; never reached when it works */
#define BODY_LEN		65000

#define HEAD(length)                                                                               \
	"POST /v1/guard/check HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " KEY_UNKNOWN_TEXT      \
	"\r\nContent-Length: " length "\r\n\r\n"

struct wire {
	int here, there; /* the two namespaces */
	pid_t keeper;	 /* keeps the other one */
	char problem[160];
};

static bool fail(struct wire *wire, const char *what)
{
	snprintf(wire->problem, sizeof(wire->problem), "%s: %s", what, strerror(errno));
	return false;
}

/* --- the namespaces -------------------------------------------------------------------------- */

/* A process that does nothing but keep a namespace, and dies with us. */
static pid_t keep_namespace(void)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &c, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static bool run(const char *command)
{
	return !system(command); // NOLINT: our own text
}

static bool add_veth(pid_t peer)
{
	char command[120];

	snprintf(command, sizeof(command),
		 "ip link add " SERVER_IF " type veth peer name " CLIENT_IF " netns %d", peer);
	return run(command);
}

static bool make_wire(struct wire *wire)
{
	char path[64];

	wire->keeper = keep_namespace();
	if (wire->keeper < 0)
		return fail(wire, "a namespace");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", wire->keeper);
	wire->there = open(path, O_RDONLY | O_CLOEXEC);
	wire->here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (wire->here < 0 || wire->there < 0)
		return fail(wire, "a namespace");
	if (!add_veth(wire->keeper) ||
	    !run("ip addr add 10.77.0.1/24 dev " SERVER_IF " && "
		 "ip addr add fd77::1/64 dev " SERVER_IF " nodad && ip link set " SERVER_IF " up"))
		return fail(wire, "this end");
	if (setns(wire->there, CLONE_NEWNET))
		return fail(wire, "the other namespace");
	if (!run("ip addr add 10.77.0.2/24 dev " CLIENT_IF " && "
		 "ip addr add fd77::2/64 dev " CLIENT_IF " nodad && ip link set " CLIENT_IF " up"))
		fail(wire, "that end");
	if (setns(wire->here, CLONE_NEWNET))
		return fail(wire, "our own namespace");
	return !wire->problem[0];
}

static void unmake_wire(struct wire *wire)
{
	if (wire->keeper > 0) {
		kill(wire->keeper, SIGKILL);
		waitpid(wire->keeper, NULL, 0);
	}
	run("ip link del " SERVER_IF " 2>/dev/null");
	if (wire->here >= 0)
		close(wire->here);
	if (wire->there >= 0)
		close(wire->there);
}

/* A socket of the namespace `ns`; we stay where we are. */
static int socket_in(const struct wire *wire, int ns, int family, int type)
{
	int fd;

	if (setns(ns, CLONE_NEWNET))
		return -1;
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	return setns(wire->here, CLONE_NEWNET) ? -1 : fd;
}

static bool set_offload(struct wire *wire, int ns, const char *name, bool on)
{
	uint32_t value[2] = { ETHTOOL_SET_TX_CHECKSUM, on };
	struct ifreq request = { .ifr_data = (char *)value };
	int fd = socket_in(wire, ns, AF_INET, SOCK_DGRAM), r;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	r = fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &request);
	if (fd >= 0)
		close(fd);
	return r ? fail(wire, "setting the offload") : true;
}

/* --- one refused request --------------------------------------------------------------------- */

struct call {
	const char *name;
	bool ipv6, loopback;
	uint16_t port;
	bool client_offload, server_offload;
	bool with_body;
	enum axfw_refuse refuse;
};

static const struct call calls[] = {
	{ "sum left open, left open again", .port = PORT_DEFERRED, .client_offload = true,
	  .server_offload = true },
	{ "sum left open, finished on sending", .port = PORT_DEFERRED, .client_offload = true },
	{ "sum complete", .port = PORT_DEFERRED },
	{ "sum complete, offload on sending", .port = PORT_DEFERRED, .server_offload = true },
	{ "IPv6, sum left open", .ipv6 = true, .port = PORT_DEFERRED, .client_offload = true },
	{ "IPv6, sum complete", .ipv6 = true, .port = PORT_DEFERRED },
	{ "established, sum left open", .port = PORT_ESTABLISHED, .client_offload = true },
	{ "established, sum complete", .port = PORT_ESTABLISHED },
	{ "64 KB of body in one buffer", .port = PORT_DEFERRED, .client_offload = true,
	  .with_body = true },
	{ "64 KB of body, segmented", .ipv6 = true, .port = PORT_ESTABLISHED, .with_body = true },
	{ "reset", .port = PORT_DEFERRED, .client_offload = true, .refuse = AXFW_REFUSE_RESET },
	{ "reset, IPv6, established, sum complete", .ipv6 = true, .port = PORT_ESTABLISHED,
	  .refuse = AXFW_REFUSE_RESET },
	{ "reset, loopback", .loopback = true, .port = PORT_DEFERRED, .refuse = AXFW_REFUSE_RESET },
	{ "drop", .port = PORT_DEFERRED, .refuse = AXFW_REFUSE_DROP },
	{ "drop, established", .port = PORT_ESTABLISHED, .client_offload = true,
	  .refuse = AXFW_REFUSE_DROP },
	{ "loopback", .loopback = true, .port = PORT_DEFERRED },
	{ "loopback, IPv6", .loopback = true, .ipv6 = true, .port = PORT_DEFERRED },
	{ "loopback, established", .loopback = true, .port = PORT_ESTABLISHED },
	{ "loopback, 64 KB of body", .loopback = true, .port = PORT_DEFERRED, .with_body = true },
};

static int dial(struct wire *wire, const struct call *call)
{
	const char *text = call->loopback ? call->ipv6 ? "::1" : "127.0.0.1"
			   : call->ipv6	  ? "fd77::1"
					  : "10.77.0.1";
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(call->port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(call->port) };
	const struct sockaddr *to = call->ipv6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t len = call->ipv6 ? sizeof(v6) : sizeof(v4);
	int fd = socket_in(wire, call->loopback ? wire->here : wire->there, to->sa_family,
			   SOCK_STREAM);

	inet_pton(to->sa_family, text, call->ipv6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
	if (fd < 0 || connect(fd, to, len)) {
		fail(wire, "connect");
		close(fd);
		return -1;
	}
	return fd;
}

/* The whole answer, up to the server's FIN. */
static bool read_answer(struct wire *wire, int fd)
{
	char answer[AXFW_ANSWER_MAX + 1] = "";
	size_t len = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, WAIT_MS) != 1)
			return errno = ETIMEDOUT, fail(wire, "no answer, or no end of it");
		n = read(fd, answer + len, sizeof(answer) - 1 - len);
		if (n < 0)
			return fail(wire, "reading the answer");
		if (!n)
			break;
		len += (size_t)n;
	}
	errno = EBADMSG;
	if (len != world_template(AXFW_RESPONSE_UNAUTHORIZED)->len ||
	    strncmp(answer, "HTTP/1.1 401 ", 13))
		return fail(wire, "not the answer");
	return true;
}

/* Does a socket of that port live, other than a listener and one in TIME_WAIT? */
static bool has_socket(const char *file, uint16_t port)
{
	FILE *f = fopen(file, "re");
	unsigned local, remote, state;
	bool found = false;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%x %x", &local, &remote, &state) !=
		    3)
			continue;
		found |= (local == port || remote == port) && state != 0x0a && state != 0x06;
	}
	if (f)
		fclose(f);
	return found;
}

static bool wait_until_gone(struct wire *wire, int ns, uint16_t port)
{
	bool gone = false;

	/* /proc/self is the thread group's leader's: us */
	if (setns(ns, CLONE_NEWNET))
		return fail(wire, "a namespace");
	for (unsigned ms = 0; !gone && ms < WAIT_MS; ms += 10) {
		gone = !has_socket("/proc/self/net/tcp", port) &&
		       !has_socket("/proc/self/net/tcp6", port);
		if (!gone)
			usleep(10000);
	}
	if (setns(wire->here, CLONE_NEWNET))
		return fail(wire, "our own namespace");
	errno = EBUSY;
	return gone ? true : fail(wire, ns == wire->here ? "the server's socket" : "the client's");
}

static bool send_request(struct wire *wire, int fd, bool with_body)
{
	static char text[sizeof(HEAD("65000")) + BODY_LEN];
	const char *head = with_body ? HEAD("65000") : HEAD("2") "{}";
	size_t len = strlen(head);

	memset(text, 'x', sizeof(text));
	memcpy(text, head, len);
	if (with_body)
		len += BODY_LEN;
	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len ? true : fail(wire, "send");
}

/* The client hears of a reset, and of a drop nothing. */
static bool check_heard(struct wire *wire, const struct call *call, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	switch (call->refuse) {
	case AXFW_REFUSE_ANSWER:
		return read_answer(wire, fd);
	case AXFW_REFUSE_RESET:
		if (poll(&p, 1, WAIT_MS) == 1 && read(fd, &byte, 1) < 0 && errno == ECONNRESET)
			return true;
		return fail(wire, "not reset");
	default:
		if (!wait_until_gone(wire, wire->here, call->port))
			return false;
		return poll(&p, 1, 0) ? fail(wire, "the client heard something") : true;
	}
}

static bool run_call(struct wire *wire, const struct call *call)
{
	struct linger reset = { .l_onoff = 1 };
	bool ok;
	int fd;

	if (!set_offload(wire, wire->there, CLIENT_IF, call->client_offload) ||
	    !set_offload(wire, wire->here, SERVER_IF, call->server_offload))
		return false;
	fd = dial(wire, call);
	if (fd < 0)
		return false;
	ok = send_request(wire, fd, call->with_body) && check_heard(wire, call, fd);
	if (call->refuse == AXFW_REFUSE_DROP) /* or it would wait for minutes */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	return ok && wait_until_gone(wire, wire->here, call->port) &&
	       wait_until_gone(wire, wire->there, call->port);
}

/* --- all of them ----------------------------------------------------------------------------- */

static bool attach(struct wire *wire, struct world *w, const char *name, uint32_t *ret_ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(name),
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(world_skeleton(w)->progs.axfw_tc),
		    .handle = 1, .priority = 1);
	int r = bpf_tc_hook_create(&hook);

	if (!r)
		r = bpf_tc_attach(&hook, &opts);
	*ret_ifindex = (uint32_t)hook.ifindex;
	errno = -r;
	return r ? fail(wire, "attaching to TC") : true;
}

static uint64_t counted(struct world *w, unsigned reason)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];

	world_counters(w, counters);
	return counters[reason].packets;
}

/* Every call once; with SYN cookies on, each connection begins with the program's SYN-ACK. */
static void run_calls(struct wire *wire, struct world *w, struct axfw_config *config,
		      struct tally *tally)
{
	bool with_cookies = config->tiers & AXFW_TIER_SYN_COOKIES;

	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		uint64_t refused = counted(w, AXFW_REASON_KEY_UNKNOWN);
		uint64_t begun = counted(w, AXFW_REASON_SYN_COOKIE);
		char name[80];
		bool ok;

		config->refuse = calls[i].refuse;
		world_configure(w, config);
		wire->problem[0] = 0;
		ok = run_call(wire, &calls[i]);
		errno = EPROTO;
		if (ok && counted(w, AXFW_REASON_KEY_UNKNOWN) == refused)
			ok = fail(wire, "it wasn't the program that answered");
		if (ok && (counted(w, AXFW_REASON_SYN_COOKIE) > begun) != with_cookies)
			ok = fail(wire, "whose SYN-ACK it was");
		snprintf(name, sizeof(name), "wire%s: %s", with_cookies ? ", SYN cookie" : "",
			 calls[i].name);
		tally_count(tally, ok, name, wire->problem);
	}
}

void run_wire(struct world *w, struct tally *tally)
{
	struct wire wire = { .here = -1, .there = -1 };
	struct axfw_config config;
	bool ok;

	world_default_config(&config);
	ok = make_wire(&wire) && attach(&wire, w, SERVER_IF, &config.answer_ifindex[0]) &&
	     attach(&wire, w, "lo", &config.answer_ifindex[1]);
	world_configure(w, &config);
	world_forget_flows(w);
	if (ok) {
		run_calls(&wire, w, &config, tally);
		config.tiers = AXFW_TIER_SYN_COOKIES;
		world_set_syncookies(SYNCOOKIES_ALWAYS);
		run_calls(&wire, w, &config, tally);
		world_set_syncookies(SYNCOOKIES_UNDER_PRESSURE);
	} else {
		tally_count(tally, false, "wire", wire.problem);
	}
	unmake_wire(&wire);
}
