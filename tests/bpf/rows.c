// SPDX-License-Identifier: Apache-2.0
/* The verdict table. */
#include <linux/bpf.h>
#include <netinet/in.h>
#include "rows.h"
#include "tiers.h"

#define LINE(path)  "POST " path " HTTP/1.1\r\n"
#define HOST	    "Host: localhost:8004\r\n"
#define LENGTH	    "Content-Length: 2\r\n"
#define END	    "\r\n{}"
#define CHECK	    LINE("/v1/guard/check")
#define BEARER(key) "Authorization: Bearer " key "\r\n"
#define WITH_KEY(key)                                                                              \
	CHECK HOST BEARER(key)                                                                     \
	LENGTH END
#define WITH(header)                                                                               \
	CHECK HOST BEARER(KEY_UNKNOWN_TEXT)                                                        \
	header LENGTH END
#define UNKNOWN WITH_KEY(KEY_UNKNOWN_TEXT)
#define SIGNUP(header)                                                                             \
	LINE("/signup") HOST header "Content-Length: 26\r\n\r\nemail=a%40b.c&password=123"

/* The answer is longer. */
#define SHORT                                                                                      \
	"POST /v1/guard/check HTTP/1.1\r\nHost:a\r\nx-api-key:axfw_1\r\nContent-Length:0\r\n\r\n"

#define X10(s)	s s s s s s s s s s
#define X100(s) X10(X10(s))

static void incomplete(struct axfw_config *c)
{
	c->admissions_complete = 0;
}

static void off(struct axfw_config *c)
{
	c->refuse = AXFW_REFUSE_PASS;
}

/* A connection that begins with the server's own cookie. */
static void always_cookies(struct world *w __attribute__((unused)))
{
	world_set_syncookies(SYNCOOKIES_ALWAYS);
}

static void resetting(struct axfw_config *c)
{
	c->refuse = AXFW_REFUSE_RESET;
}

static void dropping(struct axfw_config *c)
{
	c->refuse = AXFW_REFUSE_DROP;
}

static void resetting_elsewhere(struct axfw_config *c)
{
	resetting(c);
	c->answer_ifindex[1] = 2;
}

static void other_abi(struct axfw_config *c)
{
	c->abi_version++;
}

static void other_interface(struct axfw_config *c)
{
	c->answer_ifindex[1] = 2;
}

static void no_ports(struct axfw_config *c)
{
	c->ports[0] = 0;
}

static void origin(struct axfw_config *c)
{
	c->origin_passes = 1;
}

static void next_generation(struct axfw_config *c)
{
	incomplete(c);
	c->generation++;
}

#define PASSES(reason)	 .then = XDP_PASS, .why = AXFW_REASON_##reason
#define ANSWERED(reason) .then = XDP_TX, .why = AXFW_REASON_##reason
#define RESETS(reason)	 PASSES(reason) /* as a RST to the server */
#define ODD		 PASSES(HEADERS_ODD)

/* A table: one line a row. */
/* clang-format off */
const struct row rows[] = {
	/* --- not ours ------------------------------------------------------------------------ */
	{ "ARP is not looked at", NOBODY4, { .ethertype = 0x0806 }, PASSES(OTHER_TRAFFIC) },
	{ "UDP passes", NOBODY4, { .next_header = IPPROTO_UDP }, PASSES(OTHER_TRAFFIC) },
	{ "UDP over IPv6 passes", NOBODY6, { .next_header = IPPROTO_UDP }, PASSES(OTHER_TRAFFIC) },
	{ "another port passes", NOBODY4, { .port = PORT_OTHER, .text = UNKNOWN }, PASSES(OTHER_TRAFFIC) },
	{ "without protected ports all passes", DEFERRED4, { .text = UNKNOWN }, PASSES(OTHER_TRAFFIC), .configure = no_ports },

	/* --- malformed ----------------------------------------------------------------------- */
	{ "cut in the Ethernet header", NOBODY4, { .cut = 14, .ethertype = 0x0800 }, PASSES(TRUNCATED), .no_tc = true },
	{ "cut in the IPv4 header", NOBODY4, { .cut = 33 }, PASSES(TRUNCATED), .no_tc = true },
	{ "cut in the IPv4 options", NOBODY4, { .cut = 35, .ip_options = 8 }, PASSES(TRUNCATED) },
	{ "cut in the IPv6 header", NOBODY6, { .cut = 53 }, PASSES(TRUNCATED), .no_tc = true },
	{ "cut in the TCP header", NOBODY4, { .cut = 53, .text = UNKNOWN }, PASSES(TRUNCATED) },
	{ "cut in the IPv6 TCP header", NOBODY6, { .cut = 70, .text = UNKNOWN }, PASSES(TRUNCATED) },
	{ "cut in the TCP options", NOBODY4, { .cut = 60, .text = UNKNOWN }, PASSES(TRUNCATED) },
	{ "cut in the payload", DEFERRED4, { .cut = 150, .text = UNKNOWN }, PASSES(TRUNCATED) },
	{ "ihl below five", NOBODY4, { .ihl = 4, .text = UNKNOWN }, PASSES(BAD_HEADER) },
	{ "IPv4 that says it is version 6", NOBODY4, { .version = 6, .text = UNKNOWN }, PASSES(BAD_HEADER) },
	{ "IPv6 that says it is version 4", NOBODY6, { .version = 4, .text = UNKNOWN }, PASSES(BAD_HEADER) },
	{ "total length below the header's", NOBODY4, { .total = 19, .text = UNKNOWN }, PASSES(BAD_HEADER) },
	{ "doff below five", NOBODY4, { .doff = 4, .text = UNKNOWN }, PASSES(BAD_HEADER) },
	{ "doff behind the packet's end", NOBODY4, { .doff = 15 }, PASSES(BAD_HEADER) },
	{ "doff behind the IPv6 packet's end", NOBODY6, { .doff = 15 }, PASSES(BAD_HEADER) },
	{ "the first fragment passes", DEFERRED4, { .fragment = 0x2000, .text = UNKNOWN }, PASSES(FRAGMENT) },
	{ "a later fragment passes", DEFERRED4, { .fragment = 100, .text = UNKNOWN }, PASSES(FRAGMENT) },

	/* --- VLAN tags ----------------------------------------------------------------------- */
	{ "behind a VLAN tag", DEFERRED4, { .tags = 1, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind a VLAN tag, IPv6", DEFERRED6, { .tags = 1, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind two tags", DEFERRED4, { .tags = 2, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "the answer behind two tags is acknowledged", DEFERRED4, { .tags = 2, .flags = ACK }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_RESET_SERVER, .same = true, .after_request = true, .acks_answer = true },
	{ "behind two tags, IPv6", DEFERRED6, { .tags = 2, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind two tags, in a short frame that has to grow", DEFERRED4, { .tags = 2, .text = SHORT, .no_timestamps = true }, ANSWERED(KEY_UNKNOWN) },
	{ "behind a tag and IPv4 options", DEFERRED4, { .tags = 1, .ip_options = 8, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind two tags and IPv4 options", DEFERRED4, { .tags = 2, .ip_options = 40, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "the request again, behind both", DEFERRED4, { .tags = 2, .ip_options = 40, .text = UNKNOWN }, ANSWERED(FLOW_ANSWER_AGAIN), .same = true },
	{ "more of its body, behind both", DEFERRED4, { .tags = 2, .ip_options = 40, .padded = 1400 }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true },
	{ "the answer acknowledged, behind both", DEFERRED4, { .tags = 2, .ip_options = 40, .flags = ACK, .seq = 1400 }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_RESET_SERVER, .same = true, .after_request = true, .acks_answer = true },
	{ "behind two tags and extension headers", DEFERRED6, { .tags = 2, .extensions = { HOP_BY_HOP, IPPROTO_DSTOPTS }, .extension_units = 3, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind two tags and IPv4 options, in a short frame that has to grow", DEFERRED4, { .tags = 2, .ip_options = 4, .text = SHORT, .no_timestamps = true }, ANSWERED(KEY_UNKNOWN) },
	{ "an active key behind a VLAN tag", DEFERRED4, { .tags = 1, .text = WITH_KEY(KEY_ADMITTED_TEXT) }, PASSES(KEY_ADMITTED) },
	{ "three tags are too many", DEFERRED4, { .tags = 3, .text = UNKNOWN }, PASSES(OTHER_TRAFFIC) },
	{ "ARP behind a tag", NOBODY4, { .tags = 1, .ethertype = 0x0806 }, PASSES(OTHER_TRAFFIC) },
	{ "cut in a VLAN tag", NOBODY4, { .tags = 1, .cut = 16 }, PASSES(TRUNCATED), .no_tc = true },
	{ "cut in the second VLAN tag", NOBODY4, { .tags = 2, .cut = 20 }, PASSES(TRUNCATED) },

	/* --- IPv6 extension headers ---------------------------------------------------------- */
	{ "behind hop-by-hop options", DEFERRED6, { .extensions = { HOP_BY_HOP }, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind long destination options", DEFERRED6, { .extensions = { IPPROTO_DSTOPTS }, .extension_units = 31, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind too long options", DEFERRED6, { .extensions = { IPPROTO_DSTOPTS }, .extension_units = 32, .text = UNKNOWN }, PASSES(BAD_HEADER) },
	{ "behind a routing header that is done with", DEFERRED6, { .extensions = { IPPROTO_ROUTING }, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind one that isn't", DEFERRED6, { .extensions = { IPPROTO_ROUTING }, .segments_left = 1, .text = UNKNOWN }, PASSES(OTHER_TRAFFIC) },
	{ "behind a fragment header without fragments", DEFERRED6, { .extensions = { IPPROTO_FRAGMENT }, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "the first IPv6 fragment passes", DEFERRED6, { .extensions = { IPPROTO_FRAGMENT }, .fragment6 = 1, .text = UNKNOWN }, PASSES(FRAGMENT) },
	{ "a later IPv6 fragment passes", DEFERRED6, { .extensions = { IPPROTO_FRAGMENT }, .fragment6 = 8, .text = UNKNOWN }, PASSES(FRAGMENT) },
	{ "a fragment behind other headers passes", DEFERRED6, { .extensions = { HOP_BY_HOP, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT }, .fragment6 = 1, .text = UNKNOWN }, PASSES(FRAGMENT) },
	{ "behind one of each", DEFERRED6, { .extensions = { HOP_BY_HOP, IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS }, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "behind one of each, acknowledged", DEFERRED6, { .extensions = { HOP_BY_HOP, IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS }, .flags = ACK }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_RESET_SERVER, .same = true, .after_request = true, .acks_answer = true },
	{ "behind a tag and extensions an active key passes", DEFERRED6, { .tags = 1, .extensions = { HOP_BY_HOP }, .text = WITH_KEY(KEY_ADMITTED_TEXT) }, PASSES(KEY_ADMITTED) },
	{ "hop-by-hop options belong in front", DEFERRED6, { .extensions = { IPPROTO_DSTOPTS, HOP_BY_HOP }, .text = UNKNOWN }, PASSES(BAD_HEADER) },
	{ "six extension headers are read", DEFERRED6, { .extensions = { 60, 60, 60, 60, 60, 60 }, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "seven are too many", DEFERRED6, { .extensions = { 60, 60, 60, 60, 60, 60, 60 }, .text = UNKNOWN }, PASSES(BAD_HEADER) },
	{ "UDP behind extension headers", NOBODY6, { .extensions = { IPPROTO_DSTOPTS }, .next_header = IPPROTO_UDP }, PASSES(OTHER_TRAFFIC) },
	{ "authentication headers are not looked behind", NOBODY6, { .extensions = { IPPROTO_DSTOPTS, IPPROTO_AH }, .text = UNKNOWN }, PASSES(OTHER_TRAFFIC) },
	{ "cut in an extension header", NOBODY6, { .extensions = { IPPROTO_DSTOPTS }, .cut = 60 }, PASSES(TRUNCATED) },
	{ "cut behind an extension header", NOBODY6, { .extensions = { IPPROTO_DSTOPTS }, .cut = 62 }, PASSES(TRUNCATED) },
	{ "extension headers longer than the packet says it is", DEFERRED6, { .extensions = { IPPROTO_DSTOPTS }, .total = 7, .text = UNKNOWN }, PASSES(BAD_HEADER) },

	/* --- TCP options --------------------------------------------------------------------- */
	{ "a timestamp in front of its padding", DEFERRED4, { .options = OPTIONS_TIMESTAMP, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "options that end early", DEFERRED4, { .options = OPTIONS_ENDED, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "a SACK block without a timestamp", DEFERRED4, { .options = OPTIONS_SACK, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "a SACK block and a timestamp", DEFERRED6, { .options = OPTIONS_SACK_TOO, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "an option of a kind that nobody knows", DEFERRED4, { .options = OPTIONS_UNKNOWN, .text = UNKNOWN }, PASSES(TCP_OPTIONS) },
	{ "a signed segment", DEFERRED4, { .options = OPTIONS_MD5, .text = UNKNOWN }, PASSES(TCP_OPTIONS) },
	{ "two timestamps", DEFERRED4, { .options = OPTIONS_TWICE, .text = UNKNOWN }, PASSES(TCP_OPTIONS) },
	{ "an option longer than the header", DEFERRED4, { .options = OPTIONS_LONG, .text = UNKNOWN }, PASSES(TCP_OPTIONS) },
	{ "an option shorter than itself", DEFERRED4, { .options = OPTIONS_SHORT, .text = UNKNOWN }, PASSES(TCP_OPTIONS) },
	{ "an active key with unknown options", DEFERRED4, { .options = OPTIONS_UNKNOWN, .text = WITH_KEY(KEY_ADMITTED_TEXT) }, PASSES(KEY_ADMITTED) },

	/* --- jumbo frames -------------------------------------------------------------------- */
	{ "a request in a frame of 9,000 bytes", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 100000\r\n\r\n", .padded = 8948 }, ANSWERED(KEY_UNKNOWN), .no_tc = true },
	{ "more of its body in such a frame", DEFERRED4, { .padded = 8948 }, .then = XDP_TX, .why = AXFW_REASON_FLOW_LATE_DATA, .same = true, .after_request = true, .no_tc = true },
	{ "a request in a frame of 9,000 bytes, IPv6", DEFERRED6, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 100000\r\n\r\n", .padded = 8928 }, ANSWERED(KEY_UNKNOWN), .no_tc = true },
	{ "an active key in a frame of 9,000 bytes", DEFERRED4, { .text = CHECK HOST BEARER(KEY_ADMITTED_TEXT) "Content-Length: 100000\r\n\r\n", .padded = 8948 }, PASSES(KEY_ADMITTED), .no_tc = true },
	{ "9,000 bytes that start no request", DEFERRED4, { .padded = 8948 }, PASSES(NOT_A_REQUEST), .no_tc = true },

	/* --- nothing to read ----------------------------------------------------------------- */
	{ "a SYN passes", NOBODY4, { .flags = SYN }, PASSES(NO_PAYLOAD) },
	{ "a SYN with data passes", NOBODY4, { .flags = SYN, .text = UNKNOWN }, PASSES(NO_PAYLOAD) },
	{ "a bare ACK passes", DEFERRED4, { .flags = ACK }, PASSES(NO_PAYLOAD) },
	{ "a bare IPv6 ACK passes", DEFERRED6, { .flags = ACK }, PASSES(NO_PAYLOAD) },
	{ "a FIN passes", DEFERRED4, { .flags = FIN | ACK }, PASSES(NO_PAYLOAD) },
	{ "a RST passes", DEFERRED4, { .flags = RST }, PASSES(NO_PAYLOAD) },
	{ "Ethernet padding is not payload", DEFERRED4, { .flags = ACK, .trailer = 6 }, PASSES(NO_PAYLOAD) },
	{ "other bytes start no request", DEFERRED4, { .text = "\x16\x03\x01", .padded = 1400 }, PASSES(NOT_A_REQUEST) },
	{ "a few bytes start no request", DEFERRED4, { .text = "POST /v1/guard/check HTTP/1.1\r\n" }, PASSES(NOT_A_REQUEST) },
	{ "lower-case methods start no request", DEFERRED4, { .text = "post /v1/guard/check HTTP/1.1\r\n" HOST, .padded = 200 }, PASSES(NOT_A_REQUEST) },
	{ "a RST with a request is none", DEFERRED4, { .flags = RST | ACK, .text = UNKNOWN }, PASSES(NOT_A_REQUEST) },
	{ "urgent data is not judged", DEFERRED4, { .flags = URG | PSH | ACK, .text = UNKNOWN }, PASSES(NOT_A_REQUEST) },
	{ "a request without ACK is not judged", DEFERRED4, { .flags = PSH, .text = UNKNOWN }, PASSES(NOT_A_REQUEST) },

	/* --- requests that are userspace's --------------------------------------------------- */
	{ "GET / passes", DEFERRED4, { .text = "GET / HTTP/1.1\r\n" HOST BEARER(KEY_UNKNOWN_TEXT) "\r\n" }, PASSES(NOT_REFUSABLE) },
	{ "GET of a refusable path passes", DEFERRED4, { .text = "GET /v1/guard/check HTTP/1.1\r\n" HOST BEARER(KEY_UNKNOWN_TEXT) LENGTH END }, PASSES(NOT_REFUSABLE) },
	{ "another path passes", DEFERRED4, { .text = LINE("/v1/guard/other") HOST BEARER(KEY_UNKNOWN_TEXT) LENGTH END }, PASSES(NOT_REFUSABLE) },
	{ "a longer path passes", DEFERRED4, { .text = LINE("/v1/guard/check/") HOST BEARER(KEY_UNKNOWN_TEXT) LENGTH END }, PASSES(NOT_REFUSABLE) },
	{ "HTTP/1.0 passes", DEFERRED4, { .text = "POST /v1/guard/check HTTP/1.0\r\n" HOST BEARER(KEY_UNKNOWN_TEXT) LENGTH END }, PASSES(NOT_REFUSABLE) },
	{ "a bare LF behind the line passes", DEFERRED4, { .text = "POST /v1/guard/check HTTP/1.1\n" HOST BEARER(KEY_UNKNOWN_TEXT) LENGTH END }, PASSES(NOT_REFUSABLE) },
	{ "a row of the table that is userspace's passes", DEFERRED4, { .text = LINE("/login") HOST BEARER(KEY_UNKNOWN_TEXT) LENGTH END }, PASSES(NOT_REFUSABLE) },

	/* --- heads --------------------------------------------------------------------------- */
	{ "a head that isn't over passes", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) LENGTH }, PASSES(HEADERS_INCOMPLETE) },
	{ "a head that ends in its last CR passes", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) LENGTH "\r" }, PASSES(HEADERS_INCOMPLETE) },
	{ "a head that ends within a line passes", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Le" }, PASSES(HEADERS_INCOMPLETE) },
	{ "a head longer than what is scanned passes", DEFERRED4, { .text = CHECK HOST X10("Cookie: " X100("ab") "\r\n") BEARER(KEY_UNKNOWN_TEXT) LENGTH END }, PASSES(HEADERS_INCOMPLETE) },
	{ "two Hosts", DEFERRED4, { .text = WITH(HOST) }, ODD },
	{ "two keys", DEFERRED4, { .text = WITH(BEARER(KEY_ADMITTED_TEXT)) }, ODD },
	{ "a key in each header", DEFERRED4, { .text = WITH("x-api-key: " KEY_ADMITTED_TEXT "\r\n") }, ODD },
	{ "two Content-Lengths", DEFERRED4, { .text = WITH(LENGTH) }, ODD },
	{ "no Host", DEFERRED4, { .text = CHECK BEARER(KEY_UNKNOWN_TEXT) LENGTH END }, ODD },
	{ "no Content-Length", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "\r\n" }, ODD },
	{ "Content-Length over the route's limit is 413", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 262145\r\n\r\n" }, ANSWERED(TOO_LARGE) },
	{ "Content-Length at the limit is judged", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 262144\r\n\r\n" }, ANSWERED(KEY_UNKNOWN) },
	{ "Content-Length that isn't a number", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 2x\r\n" END }, ODD },
	{ "a signed Content-Length", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: +2\r\n" END }, ODD },
	{ "a list of Content-Lengths", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 2, 2\r\n" END }, ODD },
	{ "an empty Content-Length", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length:\r\n" END }, ODD },
	{ "a Content-Length of many digits", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 0000000002\r\n" END }, ODD },
	{ "Transfer-Encoding", DEFERRED4, { .text = WITH("Transfer-Encoding: chunked\r\n") }, ODD },
	{ "transfer-encoding in any case", DEFERRED4, { .text = WITH("tRANSFER-eNCODING: identity\r\n") }, ODD },
	{ "Expect", DEFERRED4, { .text = WITH("Expect: 100-continue\r\n") }, ODD },
	{ "the caller's X-Request-ID", DEFERRED4, { .text = WITH("X-Request-Id: mine\r\n") }, ODD },
	{ "a space before the colon", DEFERRED4, { .text = WITH("Cookie : a\r\n") }, ODD },
	{ "a parenthesis in a name", DEFERRED4, { .text = WITH("Coo(kie: a\r\n") }, ODD },
	{ "two Content-Types", DEFERRED4, { .text = WITH("Content-Type: a/b\r\nContent-Type: a/b\r\n") }, ODD },
	{ "every character of an ordinary name", DEFERRED4, { .text = WITH("AZ-az_09: a\r\nContent-Type: a/b\r\n") }, ANSWERED(KEY_UNKNOWN) },
	{ "a line without a colon", DEFERRED4, { .text = WITH("Cookie\r\n") }, ODD },
	{ "a line without a name", DEFERRED4, { .text = WITH(": a\r\n") }, ODD },
	{ "a folded line", DEFERRED4, { .text = WITH("Cookie: a\r\n b\r\n") }, ODD },
	{ "a bare LF", DEFERRED4, { .text = WITH("Cookie: a\n") }, ODD },
	{ "a bare CR", DEFERRED4, { .text = WITH("Cookie: a\rb\r\n") }, ODD },
	{ "a tab", DEFERRED4, { .text = WITH("Cookie:\ta\r\n") }, ODD },
	{ "a character that isn't ASCII", DEFERRED4, { .text = WITH("Cookie: \xc3\xa4\r\n") }, ODD },
	{ "DEL", DEFERRED4, { .text = WITH("Cookie: \x7f\r\n") }, ODD },
	{ "NUL", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Cookie: a\0b\r\n" LENGTH END, .text_len = sizeof(CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Cookie: a\0b\r\n" LENGTH END) - 1 }, ODD },
	{ "space behind the key", DEFERRED4, { .text = WITH_KEY(KEY_UNKNOWN_TEXT " ") }, ODD },
	{ "seven spaces before the values", DEFERRED4, { .text = CHECK HOST "Authorization:       Bearer " KEY_UNKNOWN_TEXT "\r\nContent-Length:       2\r\n" END }, ANSWERED(KEY_UNKNOWN) },
	{ "eight spaces before a value", DEFERRED4, { .text = CHECK HOST "Authorization:        Bearer " KEY_UNKNOWN_TEXT "\r\n" LENGTH END }, ODD },
	{ "a value of spaces", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length:    \r\n" END }, ODD },
	{ "a name of 32 characters", DEFERRED4, { .text = WITH("Abcdefghijklmnopqrstuvwxyzabcdef: a\r\n") }, ODD },
	{ "a name of 31 characters is read past", DEFERRED4, { .text = WITH("Abcdefghijklmnopqrstuvwxyzabcde: a\r\n") }, ANSWERED(KEY_UNKNOWN) },
	{ "a second request behind the body", DEFERRED4, { .text = UNKNOWN WITH_KEY(KEY_ADMITTED_TEXT) }, ODD },
	{ "an Origin while CORS is on", DEFERRED4, { .text = WITH("Origin: https://a.example\r\n") }, ODD, .configure = origin },
	{ "an Origin while CORS is off", DEFERRED4, { .text = WITH("Origin: https://a.example\r\n") }, ANSWERED(KEY_UNKNOWN) },

	/* --- keys ---------------------------------------------------------------------------- */
	{ "no key", DEFERRED4, { .text = CHECK HOST LENGTH "Cookie: a\r\n" END }, PASSES(NO_KEY) },
	{ "another scheme", DEFERRED4, { .text = CHECK HOST "Authorization: Basic YTpi\r\n" LENGTH END }, PASSES(NO_KEY) },
	{ "a key that isn't of our form", DEFERRED4, { .text = WITH_KEY("sk-1234") }, PASSES(NO_KEY) },
	{ "a key longer than any", DEFERRED4, { .text = WITH_KEY("axfw_" X100("a") X10("ab") "abc") }, PASSES(NO_KEY) },
	{ "two spaces behind Bearer", DEFERRED4, { .text = CHECK HOST "Authorization: Bearer  " KEY_UNKNOWN_TEXT "\r\n" LENGTH END }, PASSES(NO_KEY) },
	{ "Bearer belongs into Authorization", DEFERRED4, { .text = CHECK HOST "x-api-key: Bearer " KEY_UNKNOWN_TEXT "\r\n" LENGTH END }, PASSES(NO_KEY) },
	{ "an active key passes", DEFERRED4, { .text = WITH_KEY(KEY_ADMITTED_TEXT) }, PASSES(KEY_ADMITTED) },
	{ "an active key passes over IPv6", DEFERRED6, { .text = WITH_KEY(KEY_ADMITTED_TEXT) }, PASSES(KEY_ADMITTED) },
	{ "an active key needs no proof", NOBODY4, { .text = WITH_KEY(KEY_ADMITTED_TEXT) }, PASSES(KEY_ADMITTED) },
	{ "an active key as x-api-key", DEFERRED4, { .text = CHECK HOST "X-API-Key: " KEY_ADMITTED_TEXT "\r\n" LENGTH END }, PASSES(KEY_ADMITTED) },
	{ "an active key alone in Authorization", DEFERRED4, { .text = CHECK HOST "authorization:" KEY_ADMITTED_TEXT "\r\n" LENGTH END }, PASSES(KEY_ADMITTED) },
	{ "an active key behind bEARER", DEFERRED4, { .text = CHECK HOST "AUTHORIZATION: bEARER " KEY_ADMITTED_TEXT "\r\n" LENGTH END }, PASSES(KEY_ADMITTED) },
	{ "an active key behind a long cookie", DEFERRED4, { .text = CHECK HOST "Cookie: " X100("abcdef") "\r\n" BEARER(KEY_ADMITTED_TEXT) LENGTH END }, PASSES(KEY_ADMITTED) },
	{ "an active key on the other route", DEFERRED4, { .text = LINE("/v1/guard/output") HOST BEARER(KEY_ADMITTED_TEXT) LENGTH END }, PASSES(KEY_ADMITTED) },
	{ "a key whose month has begun anew passes", DEFERRED4, { .text = WITH_KEY(KEY_RENEWED_TEXT) }, PASSES(KEY_ADMITTED) },
	{ "an unknown key passes while not every key is known", DEFERRED4, { .text = UNKNOWN }, PASSES(KEY_NOT_KNOWN_HERE), .configure = incomplete },
	{ "a key refused before, but a key was made since", DEFERRED4, { .text = WITH_KEY(KEY_SEEN_TEXT) }, PASSES(KEY_NOT_KNOWN_HERE), .configure = next_generation },
	{ "an unknown key is answered", DEFERRED4, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "an unknown key is answered over IPv6", DEFERRED6, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "an unknown key on an established connection", ESTABLISHED4, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "an unknown key on an established IPv6 connection", ESTABLISHED6, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "without timestamps the answer has none", DEFERRED4, { .text = UNKNOWN, .no_timestamps = true }, ANSWERED(KEY_UNKNOWN) },
	{ "without timestamps over IPv6", DEFERRED6, { .text = UNKNOWN, .no_timestamps = true }, ANSWERED(KEY_UNKNOWN) },
	{ "behind IPv4 options", DEFERRED4, { .text = UNKNOWN, .ip_options = 40 }, ANSWERED(KEY_UNKNOWN) },
	{ "in a short frame that has to grow", DEFERRED4, { .text = "POST /v1/guard/check HTTP/1.1\r\nHost:a\r\nx-api-key:axfw_1\r\nContent-Length:0\r\n\r\n", .no_timestamps = true }, ANSWERED(KEY_UNKNOWN) },
	{ "in a full frame that has to shrink", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 5000\r\n\r\n", .padded = 1448 }, ANSWERED(KEY_UNKNOWN) },
	{ "in a frame of an odd length", DEFERRED4, { .text = CHECK HOST BEARER(KEY_UNKNOWN_TEXT) "Content-Length: 3\r\n\r\n{ }" }, ANSWERED(KEY_UNKNOWN) },
	{ "with a FIN in it", DEFERRED4, { .text = UNKNOWN, .flags = FIN | PSH | ACK }, ANSWERED(KEY_UNKNOWN) },
	{ "a short key", DEFERRED4, { .text = WITH_KEY("axfw_wrong") }, ANSWERED(KEY_UNKNOWN) },
	{ "the longest key that is hashed", DEFERRED4, { .text = WITH_KEY("axfw_" X100("a") X10("ab") "ab") }, ANSWERED(KEY_UNKNOWN) },
	{ "a revoked key is answered", DEFERRED4, { .text = WITH_KEY(KEY_REVOKED_TEXT) }, ANSWERED(KEY_REVOKED) },
	{ "a revoked key while not every key is known", DEFERRED6, { .text = WITH_KEY(KEY_REVOKED_TEXT) }, ANSWERED(KEY_REVOKED), .configure = incomplete },
	{ "a key that userspace refused", DEFERRED4, { .text = WITH_KEY(KEY_SEEN_TEXT) }, ANSWERED(KEY_REFUSED_BEFORE), .configure = incomplete },
	{ "a used-up quota is answered", DEFERRED4, { .text = WITH_KEY(KEY_QUOTA_TEXT) }, ANSWERED(QUOTA_EXHAUSTED) },
	{ "a used-up quota is answered over IPv6", ESTABLISHED6, { .text = WITH_KEY(KEY_QUOTA_TEXT) }, ANSWERED(QUOTA_EXHAUSTED) },

	/* --- signups ------------------------------------------------------------------------- */
	{ "the first signup passes", DEFERRED4, { .text = SIGNUP("") }, PASSES(SIGNUP_ALLOWED) },
	{ "the fifth signup passes", DEFERRED4, { .text = SIGNUP("") }, PASSES(SIGNUP_ALLOWED), .signups = 4 },
	{ "the sixth signup is answered", DEFERRED4, { .text = SIGNUP("") }, ANSWERED(SIGNUP_LIMITED), .signups = 5 },
	{ "the sixth IPv6 signup is answered", DEFERRED6, { .text = SIGNUP("") }, ANSWERED(SIGNUP_LIMITED), .signups = 5 },
	{ "another site's form is userspace's", DEFERRED4, { .text = SIGNUP("Sec-Fetch-Site: cross-site\r\n") }, ODD, .signups = 5 },
	{ "a form with an Origin alone is userspace's", DEFERRED4, { .text = SIGNUP("Origin: http://localhost:8004\r\n") }, ODD, .signups = 5 },
	{ "our own page's form is answered", DEFERRED4, { .text = SIGNUP("Origin: http://localhost:8004\r\nSec-Fetch-Site: same-origin\r\n") }, ANSWERED(SIGNUP_LIMITED), .signups = 5 },
	{ "a form of no page is answered", DEFERRED4, { .text = SIGNUP("sec-fetch-site: none\r\n") }, ANSWERED(SIGNUP_LIMITED), .signups = 5 },
	{ "a forwarded key is judged", DEFERRED4, { .text = WITH("X-Forwarded-For: 192.0.2.1\r\n") }, ANSWERED(KEY_UNKNOWN) },

	/* --- no proof ------------------------------------------------------------------------ */
	{ "nobody's connection", NOBODY4, { .text = UNKNOWN }, PASSES(NO_PROOF) },
	{ "nobody's IPv6 connection", NOBODY6, { .text = UNKNOWN }, PASSES(NO_PROOF) },
	{ "a forged signup", NOBODY4, { .text = SIGNUP("") }, PASSES(NO_PROOF), .signups = 5 },
	{ "a sequence number one off", DEFERRED4, { .text = UNKNOWN, .seq = 1 }, PASSES(NO_PROOF) },
	{ "a sequence number one below", DEFERRED4, { .text = UNKNOWN, .seq = -1 }, PASSES(NO_PROOF) },
	{ "an acknowledgement one off", DEFERRED4, { .text = UNKNOWN, .ack = 1 }, PASSES(NO_PROOF) },
	{ "an acknowledgement one off, IPv6", DEFERRED6, { .text = UNKNOWN, .ack = 1 }, PASSES(NO_PROOF) },
	{ "established, a sequence number one off", ESTABLISHED4, { .text = UNKNOWN, .seq = 1 }, PASSES(NO_PROOF) },
	{ "established, an acknowledgement one off", ESTABLISHED4, { .text = UNKNOWN, .ack = 1 }, PASSES(NO_PROOF) },
	{ "a damaged segment is the stack's to drop", DEFERRED4, { .text = UNKNOWN, .damaged = true }, PASSES(DAMAGED) },
	{ "a damaged IPv6 segment, too", ESTABLISHED6, { .text = WITH_KEY(KEY_REVOKED_TEXT), .damaged = true, .trailer = 3 }, PASSES(DAMAGED) },
	{ "the second request on a connection", ESTABLISHED4, { .text = UNKNOWN }, PASSES(NO_PROOF), .first = "GET / HTTP/1.1\r\n\r\n" },
	{ "text in a body at a segment's start", DEFERRED4, { .text = UNKNOWN }, PASSES(NO_PROOF), .first = CHECK HOST BEARER(KEY_ADMITTED_TEXT) "Content-Length: 1000\r\n\r\n{" },

	/* --- no answer ----------------------------------------------------------------------- */
	{ "an MSS that the answer doesn't fit", DEFERRED4, { .text = UNKNOWN }, PASSES(NO_ROOM), .mss = 100 },
	{ "a full flow table", DEFERRED4, { .text = UNKNOWN }, PASSES(FLOW_TABLE_FULL), .full = true },
	{ "refusing is off", DEFERRED4, { .text = UNKNOWN }, PASSES(NOT_CONFIGURED), .configure = off },
	{ "another version's configuration", DEFERRED4, { .text = UNKNOWN }, PASSES(NOT_CONFIGURED), .configure = other_abi },
	{ "an interface that can't answer", DEFERRED4, { .text = UNKNOWN }, PASSES(NOT_CONFIGURED), .configure = other_interface },

	/* --- the close ----------------------------------------------------------------------- */
	{ "close: refused", DEFERRED4, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "close: the request again gets the same answer", DEFERRED4, { .text = UNKNOWN }, ANSWERED(FLOW_ANSWER_AGAIN), .same = true },
	{ "close: a part of it again, too", DEFERRED4, { .text = UNKNOWN, .text_len = 50 }, ANSWERED(FLOW_ANSWER_AGAIN), .same = true },
	{ "close: more of the body is not acknowledged yet", DEFERRED4, { .padded = 1448 }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true },
	{ "close: nor is a later part", DEFERRED4, { .padded = 1448, .seq = 2896 }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true },
	{ "close: nor the part between", DEFERRED4, { .padded = 1448, .seq = 1448 }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true },
	{ "close: a bare ACK of nothing new is dropped", DEFERRED4, { .flags = ACK, .seq = 4344 }, .then = XDP_DROP, .why = AXFW_REASON_FLOW_QUIET, .same = true, .after_request = true },
	{ "close: a forged acknowledgement isn't followed", DEFERRED4, { .flags = ACK, .ack = 1 }, PASSES(NO_PAYLOAD), .same = true, .acks_answer = true },
	{ "close: a forged RST isn't followed", DEFERRED4, { .flags = RST, .seq = 77 }, PASSES(NO_PAYLOAD), .same = true },
	{ "close: forged data isn't followed", DEFERRED4, { .padded = 100, .ack = -1 }, PASSES(NOT_A_REQUEST), .same = true },
	{ "close: the first ACK of the answer resets the server", DEFERRED4, { .flags = ACK, .seq = 4344 }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_RESET_SERVER, .same = true, .after_request = true, .acks_answer = true },
	{ "close: the request again is now only acknowledged, with all that came", DEFERRED4, { .text = UNKNOWN }, ANSWERED(FLOW_LATE_DATA), .same = true },
	{ "close: another bare ACK is dropped", DEFERRED4, { .flags = ACK, .seq = 4344 }, .then = XDP_DROP, .why = AXFW_REASON_FLOW_QUIET, .same = true, .after_request = true, .acks_answer = true },
	{ "close: a keep-alive probe is acknowledged", DEFERRED4, { .flags = ACK, .seq = 4343 }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true, .acks_answer = true },
	{ "close: the FIN is acknowledged", DEFERRED4, { .flags = FIN | ACK, .seq = 4344 }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true, .acks_answer = true, .ends = true },
	{ "close: the FIN again, too", DEFERRED4, { .flags = FIN | ACK, .seq = 4344 }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true, .acks_answer = true },
	{ "close: a new connection's SYN passes", DEFERRED4, { .flags = SYN, .seq = 99999999 }, PASSES(NO_PAYLOAD), .same = true },
	{ "close: long after, it is forgotten", DEFERRED4, { .flags = FIN | ACK, .seq = 4344 }, PASSES(NO_PAYLOAD), .same = true, .after_request = true, .acks_answer = true, .long_ago = true },

	{ "reset: refused over IPv6", DEFERRED6, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "reset: the answer again over IPv6", DEFERRED6, { .text = UNKNOWN }, ANSWERED(FLOW_ANSWER_AGAIN), .same = true },
	{ "reset: late data over IPv6", DEFERRED6, { .padded = 1000 }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true },
	{ "reset: the client's RST becomes the server's", DEFERRED6, { .flags = RST, .seq = 1000 }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_CLIENT_RESET, .same = true, .after_request = true, .ends = true },
	{ "reset: then nothing is left of it", DEFERRED6, { .flags = ACK, .seq = 1000 }, PASSES(NO_PAYLOAD), .same = true, .after_request = true },

	{ "early reset: refused on an established connection", ESTABLISHED4, { .text = UNKNOWN, .no_timestamps = true }, ANSWERED(KEY_UNKNOWN) },
	{ "early reset: at the refused byte", ESTABLISHED4, { .flags = RST | ACK, .no_timestamps = true }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_CLIENT_RESET, .same = true, .ends = true },

	{ "429: a signup's answer", DEFERRED4, { .text = SIGNUP("") }, ANSWERED(SIGNUP_LIMITED), .signups = 5 },
	{ "429: again, with the same Retry-After and request id", DEFERRED4, { .text = SIGNUP("") }, ANSWERED(FLOW_ANSWER_AGAIN), .same = true, .signups = 5 },
	{ "429: a FIN in the first ACK becomes the RST", DEFERRED4, { .flags = FIN | ACK }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_RESET_SERVER, .same = true, .after_request = true, .acks_answer = true, .ends = true },
	{ "429: and its retransmission is acknowledged", DEFERRED4, { .flags = FIN | ACK }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true, .acks_answer = true },

	{ "plain: refused without timestamps", DEFERRED4, { .text = UNKNOWN, .no_timestamps = true }, ANSWERED(KEY_UNKNOWN) },
	{ "plain: the same answer without timestamps", DEFERRED4, { .text = UNKNOWN, .no_timestamps = true }, ANSWERED(FLOW_ANSWER_AGAIN), .same = true },
	{ "plain: late data without timestamps", DEFERRED4, { .padded = 500, .no_timestamps = true }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true },
	{ "plain: the first ACK resets the server", DEFERRED4, { .flags = ACK, .seq = 500, .no_timestamps = true }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_RESET_SERVER, .same = true, .after_request = true, .acks_answer = true },
	{ "plain: the FIN is acknowledged", DEFERRED4, { .flags = FIN | ACK, .seq = 500, .no_timestamps = true }, ANSWERED(FLOW_LATE_DATA), .same = true, .after_request = true, .acks_answer = true, .ends = true },

	{ "half-closed: a FIN in the request", ESTABLISHED6, { .flags = FIN | PSH | ACK, .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN) },
	{ "half-closed: the request again, with its FIN", ESTABLISHED6, { .flags = FIN | PSH | ACK, .text = UNKNOWN }, ANSWERED(FLOW_ANSWER_AGAIN), .same = true },
	{ "half-closed: the answer's ACK resets the server", ESTABLISHED6, { .flags = ACK }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_RESET_SERVER, .same = true, .after_request = true, .acks_answer = true, .ends = true },
	{ "half-closed: an ACK that is sent again is dropped", ESTABLISHED6, { .flags = ACK }, .then = XDP_DROP, .why = AXFW_REASON_FLOW_QUIET, .same = true, .after_request = true, .acks_answer = true },

	{ "an MSS that the answer just fits", DEFERRED4, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN), .mss = 536 },
	{ "SYN cookie: refused", DEFERRED4, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN), .arrange = always_cookies },
	{ "SYN cookie: acknowledged", DEFERRED4, { .flags = ACK }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_RESET_SERVER, .same = true, .after_request = true, .acks_answer = true },
	{ "SYN cookie: refused over IPv6", DEFERRED6, { .text = UNKNOWN }, ANSWERED(KEY_UNKNOWN), .arrange = always_cookies },
	{ "SYN cookie: the client's RST", DEFERRED6, { .flags = RST }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_CLIENT_RESET, .same = true, .after_request = true, .ends = true },
	{ "SYN cookie: an active key passes", DEFERRED4, { .text = WITH_KEY(KEY_ADMITTED_TEXT) }, PASSES(KEY_ADMITTED), .arrange = always_cookies },

	/* --- refusals without an answer ------------------------------------------------------ */
	{ "refuse = reset: the request resets the server", DEFERRED4, { .text = UNKNOWN }, RESETS(KEY_UNKNOWN), .configure = resetting },
	{ "refuse = reset: the request again, the client", DEFERRED4, { .text = UNKNOWN }, ANSWERED(FLOW_RESET_CLIENT), .same = true, .configure = resetting, .ends = true },
	{ "refuse = reset: and again, had that been lost", DEFERRED4, { .text = UNKNOWN }, ANSWERED(FLOW_RESET_CLIENT), .same = true, .configure = resetting },
	{ "refuse = reset: also by more data", DEFERRED4, { .padded = 700 }, ANSWERED(FLOW_RESET_CLIENT), .same = true, .after_request = true, .configure = resetting },
	{ "refuse = reset: also after the setting has changed", DEFERRED4, { .text = UNKNOWN }, ANSWERED(FLOW_RESET_CLIENT), .same = true },
	{ "refuse = reset: long after, it is forgotten", DEFERRED4, { .flags = FIN | ACK, .seq = 700 }, PASSES(NO_PAYLOAD), .same = true, .after_request = true, .long_ago = true },
	{ "refuse = reset, established, IPv6", ESTABLISHED6, { .text = UNKNOWN, .no_timestamps = true }, RESETS(KEY_UNKNOWN), .configure = resetting },
	{ "refuse = reset: a FIN is answered with it", ESTABLISHED6, { .flags = FIN | ACK, .no_timestamps = true }, ANSWERED(FLOW_RESET_CLIENT), .same = true, .after_request = true, .configure = resetting, .ends = true },
	{ "refuse = reset: a revoked key", DEFERRED4, { .text = WITH_KEY(KEY_REVOKED_TEXT), .tags = 1 }, RESETS(KEY_REVOKED), .configure = resetting },
	{ "refuse = reset: behind two tags and IPv4 options", DEFERRED4, { .tags = 2, .ip_options = 12, .text = UNKNOWN }, RESETS(KEY_UNKNOWN), .configure = resetting },
	{ "refuse = reset: a full signup window", DEFERRED4, { .text = SIGNUP("") }, RESETS(SIGNUP_LIMITED), .signups = 5, .configure = resetting },
	{ "refuse = reset: a small MSS is no matter", DEFERRED4, { .text = UNKNOWN }, RESETS(KEY_UNKNOWN), .mss = 100, .configure = resetting },
	{ "refuse = reset: not without a proof", NOBODY4, { .text = UNKNOWN }, PASSES(NO_PROOF), .configure = resetting },
	{ "refuse = reset: not by an interface that can't answer", DEFERRED4, { .text = UNKNOWN }, PASSES(NOT_CONFIGURED), .configure = resetting_elsewhere },
	{ "refuse = reset: not into a full flow table", DEFERRED4, { .text = UNKNOWN }, PASSES(FLOW_TABLE_FULL), .full = true, .configure = resetting },
	{ "refuse = reset: an active key passes", DEFERRED4, { .text = WITH_KEY(KEY_ADMITTED_TEXT) }, PASSES(KEY_ADMITTED), .configure = resetting },
	{ "refuse = drop: the request resets the server", DEFERRED6, { .text = UNKNOWN }, RESETS(KEY_UNKNOWN), .configure = dropping },
	{ "refuse = drop: the request again is dropped", DEFERRED6, { .text = UNKNOWN }, .then = XDP_DROP, .why = AXFW_REASON_FLOW_DROPPED, .same = true, .configure = dropping },
	{ "refuse = drop: so is all that follows", DEFERRED6, { .flags = FIN | ACK }, .then = XDP_DROP, .why = AXFW_REASON_FLOW_DROPPED, .same = true, .after_request = true, .configure = dropping },
	{ "refuse = drop: but the client's RST", DEFERRED6, { .flags = RST, .seq = 1 }, .then = XDP_PASS, .why = AXFW_REASON_FLOW_CLIENT_RESET, .same = true, .after_request = true, .configure = dropping, .ends = true },
};
/* clang-format on */
const unsigned row_count = sizeof(rows) / sizeof(*rows);
