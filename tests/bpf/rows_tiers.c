// SPDX-License-Identifier: Apache-2.0
/* The verdict table's rows of tiers 0 and 1, of clients behind proxies, of rates and sizes. */
#include <linux/bpf.h>
#include "rows.h"
#include "tiers.h"

#define CHECK	      "POST /v1/guard/check HTTP/1.1\r\nHost: a\r\n"
#define BEARER(key)   "Authorization: Bearer " key "\r\n"
#define END	      "Content-Length: 2\r\n\r\n{}"
#define WITH_KEY(key) CHECK BEARER(key) END
#define UNKNOWN	      WITH_KEY(KEY_UNKNOWN_TEXT)
#define ADMITTED      WITH_KEY(KEY_ADMITTED_TEXT)
#define SIGNUP(header)                                                                             \
	"POST /signup HTTP/1.1\r\nHost: a\r\n" header                                              \
	"Content-Length: 26\r\n\r\nemail=a%40b.c&password=123"
#define QUERY(query, version)                                                                      \
	"POST /v1/guard/check?" query " HTTP/" version "\r\nHost: a\r\n" BEARER(KEY_UNKNOWN_TEXT)  \
		END
#define FOR_QUOTA(client) CHECK "X-Forwarded-For: " client "\r\n" BEARER(KEY_QUOTA_TEXT) END
#define FORWARDED(list)	  SIGNUP("X-Forwarded-For: " list "\r\n")

#define X4(s)  s s s s
#define X16(s) X4(X4(s))

#define V1(line) "PROXY " line "\r\n"
#define V2	 "\r\n\r\n\0\r\nQUIT\n"
/* from 192.0.2.1:4711 */
#define V2_TCP4 V2 "\x21\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\x12\x67\x1f\x44"
/* from 2001:db8:1::1, with a TLV of nine bytes */
#define V2_TCP6                                                                                    \
	V2 "\x21\x21\0\x2d\x20\x01\x0d\xb8\0\x01\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0"  \
	   "\0\0\x01\x12\x67\x1f\x44\x04\0\x06......"
#define V2_LOCAL V2 "\x20\0\0\0"
#define BYTES(t) .text = t, .text_len = sizeof(t) - 1

/* --- what rows want -------------------------------------------------------------------------- */

static void denied(struct axfw_config *c)
{
	c->tiers = AXFW_TIERS_DENIED;
}

static void allowed(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_ALLOWED | AXFW_TIER_PROXIES;
}

static void denied_and_allowed(struct axfw_config *c)
{
	c->tiers = AXFW_TIERS_DENIED | AXFW_TIER_ALLOWED;
}

static void behind_proxies(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_PROXIES;
}

static void behind_any(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_ANY_PROXY;
}

static void lists_and_proxies(struct axfw_config *c)
{
	c->tiers = AXFW_TIERS_DENIED | AXFW_TIER_PROXIES;
}

static void proxy_protocol(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_PROXIES | AXFW_TIER_PROXY_PROTOCOL;
}

static void proxy_protocol_of_any(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_ANY_PROXY | AXFW_TIER_PROXY_PROTOCOL;
}

static void syn_budget(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_SYN_BUDGET;
	c->syn_rate = (struct axfw_rate){ .interval_ns = 3600000000000ULL };
}

static void cookies(struct axfw_config *c)
{
	syn_budget(c);
	c->tiers |= AXFW_TIER_SYN_COOKIES;
}

static void cookies_for_nobody(struct axfw_config *c)
{
	cookies(c);
	c->ports[0] = PORT_CLOSED;
}

static void cookies_elsewhere(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_SYN_COOKIES;
	c->answer_ifindex[1] = 2;
}

static void deny_loopback(struct world *w)
{
	tiers_deny(w, "127.0.0.0/8", AXFW_DENIED_BY_OPERATOR, 60);
	tiers_deny(w, "::1", AXFW_DENIED_BY_OPERATOR, 60);
}

static void box_loopback(struct world *w)
{
	tiers_deny(w, "127.0.0.1", AXFW_DENIED_BY_PENALTY, 60);
}

static void deny_until_now(struct world *w)
{
	tiers_deny(w, "127.0.0.1", AXFW_DENIED_BY_OPERATOR, -1);
}

static void deny_others(struct world *w)
{
	tiers_deny(w, "192.0.2.0/24", AXFW_DENIED_BY_OPERATOR, 60);
	tiers_deny(w, "2001:db8::/32", AXFW_DENIED_BY_OPERATOR, 60);
}

static void allow_others(struct world *w)
{
	tiers_allow(w, "192.0.2.0/24");
}

static void allow_loopback(struct world *w)
{
	tiers_allow(w, "127.0.0.0/8");
	tiers_allow(w, "::1");
}

static void trust_loopback(struct world *w)
{
	tiers_trust(w, "127.0.0.1");
	tiers_trust(w, "::1");
	tiers_trust(w, "10.0.0.0/8");
	tiers_fill_window(w, "192.0.2.1");
	tiers_fill_window(w, "2001:db8:1::");
}

static void trust_others(struct world *w)
{
	tiers_trust(w, "10.0.0.0/8");
	tiers_fill_window(w, "192.0.2.1");
}

static void trust_and_deny(struct world *w)
{
	trust_loopback(w);
	deny_others(w);
}

/* The longest that matches speaks, whichever of the two maps it is in. */
static void deny_in_layers(struct world *w)
{
	trust_loopback(w);
	tiers_deny(w, "2001:db8:1::/48", AXFW_DENIED_BY_OPERATOR, 60);
	tiers_deny(w, "2001:db8:1:1::/64", AXFW_DENIED_BY_PENALTY, 60);
	tiers_deny(w, "2001:db8:1:1:8000::/80", AXFW_DENIED_BY_OPERATOR, -1);
	tiers_deny(w, "2001:db8:1:2::/64", AXFW_DENIED_BY_PENALTY, -1);
	tiers_deny(w, "2001:db8:1:2::7", AXFW_DENIED_BY_OPERATOR, 60);
}

static void box_within_an_ended_network(struct world *w)
{
	tiers_deny(w, "127.0.0.0/8", AXFW_DENIED_BY_OPERATOR, -1);
	box_loopback(w);
}

static void deny_all_but_loopback(struct world *w)
{
	tiers_deny(w, "127.0.0.0/8", AXFW_DENIED_BY_OPERATOR, 60);
	deny_until_now(w);
}

static void deny_everybody(struct world *w)
{
	tiers_deny(w, "::/64", AXFW_DENIED_BY_OPERATOR, 60); /* all of IPv4 is in it */
}

static void deny_and_allow(struct world *w)
{
	allow_loopback(w);
	box_loopback(w);
}

static void use_cookies(struct world *w __attribute__((unused)))
{
	world_set_syncookies(SYNCOOKIES_ALWAYS);
}

static void no_cookies(struct world *w __attribute__((unused)))
{
	world_set_syncookies(SYNCOOKIES_UNDER_PRESSURE);
}

#define PASSES(reason)	 .then = XDP_PASS, .why = AXFW_REASON_##reason
#define ANSWERED(reason) .then = XDP_TX, .why = AXFW_REASON_##reason
#define DROPPED(reason)	 .then = XDP_DROP, .why = AXFW_REASON_##reason
#define LIMITED		 ANSWERED(SIGNUP_LIMITED)
#define ALLOWED		 PASSES(SIGNUP_ALLOWED)
#define UNREADABLE	 PASSES(CLIENT_UNKNOWN)
#define PROXIED		 .configure = behind_proxies, .arrange = trust_loopback
#define HEADED		 .configure = proxy_protocol, .arrange = trust_loopback

/* A table: one line a row. */
/* clang-format off */
const struct row tier_rows[] = {
	/* --- tier 0 -------------------------------------------------------------------------- */
	{ "denied: a SYN", DEFERRED4, { .flags = SYN }, DROPPED(DENIED_BY_OPERATOR), .configure = denied, .arrange = deny_loopback },
	{ "denied: an active key's request", DEFERRED4, { .text = ADMITTED }, DROPPED(DENIED_BY_OPERATOR), .configure = denied, .arrange = deny_loopback },
	{ "denied: a bare ACK over IPv6", DEFERRED6, { .flags = ACK }, DROPPED(DENIED_BY_OPERATOR), .configure = denied, .arrange = deny_loopback },
	{ "denied: another port isn't ours", NOBODY4, { .port = PORT_OTHER, .text = UNKNOWN }, PASSES(OTHER_TRAFFIC), .configure = denied, .arrange = deny_loopback },
	{ "denied: by the penalty box", DEFERRED4, { .text = ADMITTED }, DROPPED(DENIED_BY_PENALTY), .configure = denied, .arrange = box_loopback },
	{ "denied: until a time that is over", DEFERRED4, { .text = ADMITTED }, PASSES(KEY_ADMITTED), .configure = denied, .arrange = deny_until_now },
	{ "denied: an address within a network that is no longer", DEFERRED4, { .text = ADMITTED }, DROPPED(DENIED_BY_PENALTY), .configure = denied, .arrange = box_within_an_ended_network },
	{ "denied: the ended entry of the address hides its network's", DEFERRED4, { .text = ADMITTED }, PASSES(KEY_ADMITTED), .configure = denied, .arrange = deny_all_but_loopback },
	{ "denied: a network that holds all of IPv4", DEFERRED4, { .flags = SYN }, DROPPED(DENIED_BY_OPERATOR), .configure = denied, .arrange = deny_everybody },
	{ "denied: others", DEFERRED4, { .text = ADMITTED }, PASSES(KEY_ADMITTED), .configure = denied, .arrange = deny_others },
	{ "denied: others, IPv6", DEFERRED6, { .text = ADMITTED }, PASSES(KEY_ADMITTED), .configure = denied, .arrange = deny_others },
	{ "denied: only while the tier is on", DEFERRED4, { .text = ADMITTED }, PASSES(KEY_ADMITTED), .arrange = deny_loopback },
	{ "allow list: a SYN of somebody else", DEFERRED4, { .flags = SYN }, DROPPED(NOT_ALLOWED), .configure = allowed, .arrange = allow_others },
	{ "allow list: a request of somebody else over IPv6", DEFERRED6, { .text = ADMITTED }, DROPPED(NOT_ALLOWED), .configure = allowed, .arrange = allow_others },
	{ "allow list: who is on it", DEFERRED4, { .text = ADMITTED }, PASSES(KEY_ADMITTED), .configure = allowed, .arrange = allow_loopback },
	{ "allow list: who is on it, IPv6", DEFERRED6, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN), .configure = allowed, .arrange = allow_loopback },
	{ "allow list: a trusted proxy may speak", DEFERRED4, { .text = ADMITTED }, PASSES(KEY_ADMITTED), .configure = allowed, .arrange = trust_loopback },
	{ "allow list: the deny list goes before it", DEFERRED4, { .flags = SYN }, DROPPED(DENIED_BY_PENALTY), .configure = denied_and_allowed, .arrange = deny_and_allow },

	/* --- tier 1 -------------------------------------------------------------------------- */
	{ "SYN budget: the first", NOBODY4, { .flags = SYN }, PASSES(NO_PAYLOAD), .configure = syn_budget },
	{ "SYN budget: the second", NOBODY4, { .flags = SYN, .seq = 1 }, DROPPED(SYN_BUDGET), .configure = syn_budget, .same = true },
	{ "SYN budget: another packet of that source", NOBODY4, { .flags = ACK }, PASSES(NO_PAYLOAD), .configure = syn_budget, .same = true },
	{ "SYN budget: what isn't a client's SYN", NOBODY4, { .flags = SYN | ACK }, PASSES(NO_PAYLOAD), .configure = syn_budget, .same = true },
	{ "SYN budget: IPv6, the first", NOBODY6, { .flags = SYN }, PASSES(NO_PAYLOAD), .configure = syn_budget },
	{ "SYN budget: IPv6, the second", NOBODY6, { .flags = SYN }, DROPPED(SYN_BUDGET), .configure = syn_budget, .same = true },
	{ "SYN cookie: asked for always", NOBODY4, { .flags = SYN }, ANSWERED(SYN_COOKIE), .configure = cookies, .arrange = use_cookies },
	{ "SYN cookie: it spends no budget", NOBODY4, { .flags = SYN }, ANSWERED(SYN_COOKIE), .configure = cookies, .arrange = use_cookies, .same = true },
	{ "SYN cookie: over IPv6", NOBODY6, { .flags = SYN }, ANSWERED(SYN_COOKIE), .configure = cookies, .arrange = use_cookies },
	{ "SYN cookie: without options", NOBODY4, { .flags = SYN, .no_timestamps = true }, ANSWERED(SYN_COOKIE), .configure = cookies, .arrange = use_cookies },
	{ "SYN cookie: behind IPv4 options, with a payload", NOBODY4, { .flags = SYN, .ip_options = 12, .text = UNKNOWN }, ANSWERED(SYN_COOKIE), .configure = cookies, .arrange = use_cookies },
	{ "SYN cookie: no listener, no cookie", NOBODY4, { .flags = SYN, .port = PORT_CLOSED }, PASSES(NO_PAYLOAD), .configure = cookies_for_nobody, .arrange = use_cookies },
	{ "SYN cookie: not for a connection that is there", ESTABLISHED4, { .flags = SYN }, PASSES(NO_PAYLOAD), .configure = cookies, .arrange = use_cookies },
	{ "SYN cookie: not by an interface that can't answer", NOBODY4, { .flags = SYN }, PASSES(NO_PAYLOAD), .configure = cookies_elsewhere, .arrange = use_cookies },
	{ "SYN cookie: none without pressure", NOBODY4, { .flags = SYN }, PASSES(NO_PAYLOAD), .configure = cookies, .arrange = no_cookies },
	{ "SYN cookie: then the budget counts", NOBODY4, { .flags = SYN }, DROPPED(SYN_BUDGET), .configure = cookies, .same = true },

	/* --- X-Forwarded-For ----------------------------------------------------------------- */
	{ "forwarded: nobody's business but a proxy's", DEFERRED4, { .text = FORWARDED("203.0.113.1") }, LIMITED, .signups = 5 },
	{ "forwarded: not from a peer that isn't one", DEFERRED4, { .text = FORWARDED("203.0.113.1") }, LIMITED, .signups = 5, .configure = behind_proxies, .arrange = trust_others },
	{ "forwarded: nor against one", DEFERRED4, { .text = FORWARDED("192.0.2.1") }, ALLOWED, .configure = behind_proxies, .arrange = trust_others },
	{ "forwarded: by a trusted proxy", DEFERRED4, { .text = FORWARDED("192.0.2.1") }, LIMITED, PROXIED },
	{ "forwarded: over IPv6", DEFERRED6, { .text = FORWARDED("192.0.2.1") }, LIMITED, PROXIED },
	{ "forwarded: the proxy's own window isn't the client's", DEFERRED4, { .text = FORWARDED("203.0.113.1") }, ALLOWED, .signups = 5, PROXIED },
	{ "forwarded: the right-most", DEFERRED4, { .text = FORWARDED("203.0.113.1, 192.0.2.1") }, LIMITED, PROXIED },
	{ "forwarded: not what stands left of it", DEFERRED4, { .text = FORWARDED("192.0.2.1,203.0.113.1") }, ALLOWED, PROXIED },
	{ "forwarded: that isn't a proxy itself", DEFERRED4, { .text = FORWARDED("192.0.2.1, 10.1.2.3,::1") }, LIMITED, PROXIED },
	{ "forwarded: rubbish on the left isn't read", DEFERRED4, { .text = FORWARDED("(), 192.0.2.1, 10.1.2.3") }, LIMITED, PROXIED },
	{ "forwarded: with a port", DEFERRED4, { .text = FORWARDED("192.0.2.1:4711") }, LIMITED, PROXIED },
	{ "forwarded: an IPv6 network", DEFERRED4, { .text = FORWARDED("2001:DB8:1:0:9::1") }, LIMITED, PROXIED },
	{ "forwarded: another IPv6 network", DEFERRED4, { .text = FORWARDED("2001:db8:1:1::1") }, ALLOWED, PROXIED },
	{ "forwarded: IPv6 in brackets with a port", DEFERRED4, { .text = FORWARDED("[2001:db8:1::77]:80") }, LIMITED, PROXIED },
	{ "forwarded: all are proxies", DEFERRED4, { .text = FORWARDED("10.1.1.1, 10.1.1.2") }, ALLOWED, .signups = 5, PROXIED },
	{ "forwarded: nothing, so the peer", DEFERRED4, { .text = SIGNUP("") }, LIMITED, .signups = 5, PROXIED },
	{ "forwarded: unreadable", DEFERRED4, { .text = FORWARDED("unknown") }, UNREADABLE, .signups = 5, PROXIED },
	{ "forwarded: nothing behind the comma", DEFERRED4, { .text = FORWARDED("192.0.2.1,") }, UNREADABLE, PROXIED },
	{ "forwarded: unreadable, but a key is judged by itself", DEFERRED4, { .text = CHECK "X-Forwarded-For: 1.2.3\r\n" BEARER(KEY_UNKNOWN_TEXT) END }, ANSWERED(KEY_UNKNOWN), PROXIED },
	{ "forwarded: readable, with a key", DEFERRED4, { .text = CHECK "x-forwarded-for: 1.2.3.4\r\n" BEARER(KEY_UNKNOWN_TEXT) END }, ANSWERED(KEY_UNKNOWN), PROXIED },
	{ "forwarded: through more proxies than are looked at", DEFERRED4, { .text = FORWARDED("192.0.2.1" X16(", 10.100.100.100") X16(", 10.100.100.100")) }, UNREADABLE, PROXIED },
	{ "forwarded: any peer, the right-most", DEFERRED4, { .text = FORWARDED("203.0.113.1, 192.0.2.1") }, LIMITED, .configure = behind_any, .arrange = trust_loopback },
	{ "forwarded: any peer, but nobody else", DEFERRED4, { .text = FORWARDED("192.0.2.1, 10.1.1.1") }, ALLOWED, .configure = behind_any, .arrange = trust_loopback },
	{ "forwarded: an empty header", DEFERRED4, { .text = FORWARDED("") }, UNREADABLE, PROXIED },
	{ "forwarded: blanks around it", DEFERRED4, { .text = FORWARDED("   192.0.2.1  ,  10.1.2.3  ") }, LIMITED, PROXIED },
	{ "forwarded: two headers", DEFERRED4, { .text = SIGNUP("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\n") }, PASSES(HEADERS_ODD), PROXIED },

	{ "forwarded: a key that has to wait, and its client may speak", DEFERRED4, { .text = FOR_QUOTA("203.0.113.1") }, ANSWERED(QUOTA_EXHAUSTED), .configure = lists_and_proxies, .arrange = trust_and_deny },
	{ "forwarded: a key that has to wait, but userspace turns its client away", DEFERRED4, { .text = FOR_QUOTA("192.0.2.1") }, PASSES(NOT_REFUSABLE), .configure = lists_and_proxies, .arrange = trust_and_deny },
	{ "forwarded: turned away by its IPv6 /64", DEFERRED4, { .text = FOR_QUOTA("2001:db8:1:1::9") }, PASSES(NOT_REFUSABLE), .configure = lists_and_proxies, .arrange = deny_in_layers },
	{ "forwarded: not turned away, by what is longer than its /64", DEFERRED4, { .text = FOR_QUOTA("2001:db8:1:1:8000::9") }, ANSWERED(QUOTA_EXHAUSTED), .configure = lists_and_proxies, .arrange = deny_in_layers },
	{ "forwarded: turned away by its address, not its /64", DEFERRED4, { .text = FOR_QUOTA("2001:db8:1:2::7") }, PASSES(NOT_REFUSABLE), .configure = lists_and_proxies, .arrange = deny_in_layers },
	{ "forwarded: not turned away, by its /64", DEFERRED4, { .text = FOR_QUOTA("2001:db8:1:2::8") }, ANSWERED(QUOTA_EXHAUSTED), .configure = lists_and_proxies, .arrange = deny_in_layers },
	{ "forwarded: turned away by what is shorter than its /64", DEFERRED4, { .text = FOR_QUOTA("2001:db8:1:3::1") }, PASSES(NOT_REFUSABLE), .configure = lists_and_proxies, .arrange = deny_in_layers },
	{ "forwarded: a key that has to wait, but nobody knows for whom", DEFERRED4, { .text = FOR_QUOTA("nobody") }, UNREADABLE, .configure = lists_and_proxies, .arrange = trust_and_deny },
	{ "forwarded: a key that is none, for a client that is turned away", DEFERRED4, { .text = CHECK "X-Forwarded-For: 192.0.2.1\r\n" BEARER(KEY_UNKNOWN_TEXT) END }, ANSWERED(KEY_UNKNOWN), .configure = lists_and_proxies, .arrange = trust_and_deny },
	{ "forwarded: a key that has to wait, for a client not on the allow list", DEFERRED4, { .text = FOR_QUOTA("203.0.113.1") }, PASSES(NOT_REFUSABLE), .configure = allowed, .arrange = trust_and_deny },
	{ "forwarded: lists and no proxy", DEFERRED4, { .text = FOR_QUOTA("192.0.2.1") }, ANSWERED(QUOTA_EXHAUSTED), .configure = lists_and_proxies, .arrange = deny_others },

	/* --- the PROXY protocol -------------------------------------------------------------- */
	{ "PROXY: version 1", DEFERRED4, { .text = V1("TCP4 192.0.2.1 10.0.0.1 4711 8004") SIGNUP("") }, LIMITED, HEADED },
	{ "PROXY: version 1, IPv6", DEFERRED6, { .text = V1("TCP6 2001:db8:1::1 ::1 4711 8004") SIGNUP("") }, LIMITED, HEADED },
	{ "PROXY: version 1, a key", DEFERRED4, { .text = V1("TCP4 192.0.2.1 10.0.0.1 4711 8004") UNKNOWN }, ANSWERED(KEY_UNKNOWN), HEADED },
	{ "PROXY: version 1, another client", DEFERRED4, { .text = V1("TCP4 192.0.2.2 10.0.0.1 4711 8004") SIGNUP("") }, ALLOWED, .signups = 5, HEADED },
	{ "PROXY: version 1, unknown: the peer", DEFERRED4, { .text = V1("UNKNOWN") SIGNUP("") }, LIMITED, .signups = 5, HEADED },
	{ "PROXY: version 2", DEFERRED4, { BYTES(V2_TCP4 SIGNUP("")) }, LIMITED, HEADED },
	{ "PROXY: version 2, IPv6, TLVs", DEFERRED4, { BYTES(V2_TCP6 SIGNUP("")) }, LIMITED, HEADED },
	{ "PROXY: version 2, an active key", DEFERRED4, { BYTES(V2_TCP6 ADMITTED) }, PASSES(KEY_ADMITTED), HEADED },
	{ "PROXY: version 2, LOCAL: the peer", DEFERRED4, { BYTES(V2_LOCAL SIGNUP("")) }, LIMITED, .signups = 5, HEADED },
	{ "PROXY: what its client forwards isn't believed", DEFERRED4, { BYTES(V2_TCP4 FORWARDED("203.0.113.1")) }, LIMITED, HEADED },
	{ "PROXY: what a proxy behind it forwards is", DEFERRED4, { .text = V1("TCP4 10.3.3.3 10.0.0.1 4711 8004") FORWARDED("192.0.2.1") }, LIMITED, HEADED },
	{ "PROXY: its own X-Forwarded-For counts, if it names nobody", DEFERRED4, { .text = V1("UNKNOWN") FORWARDED("192.0.2.1") }, LIMITED, HEADED },
	{ "PROXY: any peer", DEFERRED4, { BYTES(V2_TCP4 FORWARDED("203.0.113.1")) }, LIMITED, .configure = proxy_protocol_of_any, .arrange = trust_loopback },
	{ "PROXY: none", DEFERRED4, { .text = UNKNOWN }, UNREADABLE, HEADED },
	{ "PROXY: a broken one", DEFERRED4, { .text = V1("TCP4 192.0.2.1 10.0.0.1 4711") SIGNUP("") }, UNREADABLE, HEADED },
	{ "PROXY: a broken binary one", DEFERRED4, { BYTES(V2 "\x21\x11\0\x04\x01\x02\x03\x04" SIGNUP("")) }, UNREADABLE, HEADED },
	{ "PROXY: longer than the segment", DEFERRED4, { BYTES(V2 "\x21\x11\x0f\0" SIGNUP("")) }, UNREADABLE, HEADED },
	{ "PROXY: alone", DEFERRED4, { .text = "PROXY TCP6 2001:db8:1:1:1:1:1:1 2001:db8:1:1:1:1:1:1 40000 8004\r\n" }, PASSES(NOT_A_REQUEST), HEADED },
	{ "PROXY: two", DEFERRED4, { .text = V1("TCP4 192.0.2.1 10.0.0.1 4711 8004") V1("TCP4 192.0.2.1 10.0.0.1 4711 8004") UNKNOWN }, PASSES(NOT_REFUSABLE), HEADED },
	{ "PROXY: behind it something else", DEFERRED4, { BYTES(V2_TCP4 "\x16\x03\x01....................................................") }, PASSES(NOT_REFUSABLE), HEADED },
	{ "PROXY: not from a peer that isn't one", DEFERRED4, { .text = V1("TCP4 203.0.113.1 10.0.0.1 4711 8004") SIGNUP("") }, PASSES(NOT_REFUSABLE), .signups = 5, .configure = proxy_protocol, .arrange = trust_others },
	{ "PROXY: which speaks as ever", DEFERRED4, { .text = SIGNUP("") }, LIMITED, .signups = 5, .configure = proxy_protocol, .arrange = trust_others },
	{ "PROXY: not while it is off", DEFERRED4, { BYTES(V2_TCP4 SIGNUP("")) }, PASSES(NOT_A_REQUEST), PROXIED },

	/* --- queries ------------------------------------------------------------------------- */
	{ "query: read past", DEFERRED4, { .text = QUERY("a=b", "1.1") }, ANSWERED(KEY_UNKNOWN) },
	{ "query: empty", DEFERRED4, { .text = QUERY("", "1.1") }, ANSWERED(KEY_UNKNOWN) },
	{ "query: another question mark", DEFERRED6, { .text = QUERY("a?b?", "1.1") }, ANSWERED(KEY_UNKNOWN) },
	{ "query: the longest", DEFERRED4, { .text = QUERY(X4("123456789012345") "123", "1.1") }, ANSWERED(KEY_UNKNOWN) },
	{ "query: longer", DEFERRED4, { .text = QUERY(X4("1234567890123456"), "1.1") }, PASSES(NOT_REFUSABLE) },
	{ "query: of a signup", DEFERRED4, { .text = "POST /signup?a HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaa\r\nContent-Length: 0\r\n\r\n" }, LIMITED, .signups = 5 },
	{ "query: HTTP/1.0", DEFERRED4, { .text = QUERY("a", "1.0") }, PASSES(NOT_REFUSABLE) },
	{ "query: a blank in it", DEFERRED4, { .text = QUERY("a b", "1.1") }, PASSES(NOT_REFUSABLE) },
	{ "query: two blanks behind it", DEFERRED4, { .text = QUERY("a ", "1.1") }, PASSES(NOT_REFUSABLE) },
	{ "query: a tab in it", DEFERRED4, { .text = QUERY("a\tb", "1.1") }, PASSES(NOT_REFUSABLE) },
	{ "query: a question mark's eighth bit", DEFERRED4, { .text = "POST /v1/guard/check\x8d HTTP/1.1\r\nHost: a\r\n" BEARER(KEY_UNKNOWN_TEXT) END }, PASSES(NOT_REFUSABLE) },
	{ "query: not ASCII", DEFERRED4, { .text = QUERY("\xc3\xa4", "1.1") }, PASSES(NOT_REFUSABLE) },
	{ "query: of another path", DEFERRED4, { .text = "POST /v1/guard/chec?k HTTP/1.1\r\nHost: a\r\n" BEARER(KEY_UNKNOWN_TEXT) END }, PASSES(NOT_REFUSABLE) },
	{ "query: a line that ends within it", DEFERRED4, { .text = "POST /v1/guard/check?a\r\nHost: a\r\n" BEARER(KEY_UNKNOWN_TEXT) END }, PASSES(NOT_REFUSABLE) },

	/* --- tier 4 -------------------------------------------------------------------------- */
	{ "a key faster than its rate", DEFERRED4, { .text = WITH_KEY(KEY_FAST_TEXT) }, ANSWERED(RATE_EXCEEDED) },
	{ "a key faster than its rate, over IPv6", DEFERRED6, { .text = WITH_KEY(KEY_FAST_TEXT) }, ANSWERED(RATE_EXCEEDED) },
	{ "a key whose wait is over", DEFERRED4, { .text = WITH_KEY(KEY_SLOWED_TEXT) }, PASSES(KEY_ADMITTED) },
	{ "too large, with an active key", DEFERRED4, { .text = CHECK BEARER(KEY_ADMITTED_TEXT) "Content-Length: 262145\r\n\r\n" }, ANSWERED(TOO_LARGE) },
	{ "too large, without a key", DEFERRED6, { .text = CHECK "Content-Length: 99999999\r\n\r\n", .padded = 900 }, ANSWERED(TOO_LARGE) },
	{ "too large beyond counting", DEFERRED4, { .text = CHECK "Content-Length: 100000000\r\n\r\n" }, PASSES(HEADERS_ODD) },
	{ "too large a form", DEFERRED4, { .text = "POST /signup HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", .padded = 100 }, PASSES(HEADERS_ODD), .signups = 5 },
	{ "too large, forged", NOBODY4, { .text = CHECK "Content-Length: 262145\r\n\r\n" }, PASSES(NO_PROOF) },
};
/* clang-format on */
const unsigned tier_row_count = sizeof(tier_rows) / sizeof(*tier_rows);
