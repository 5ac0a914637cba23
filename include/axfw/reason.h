/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a packet got the verdict it got. One list for the kernel, the daemon, the tools and the
 * tests: X(NAME, action, text). The action is what verdict() does with the reason while `refuse =
 * answer`.
 *
 * PASS    handed to the stack, untouched
 * ANSWER  turned into an HTTP answer and sent back (XDP_TX); with `refuse = reset` or `drop`, into
 * the RST that ends the server's side
 * DROP    gone without a word: tiers 0 and 1, which judge addresses and not requests
 * REPLY   turned into a SYN-ACK and sent back: no refusal, the connection goes on
 * CLOSE   a segment of an already refused connection: acknowledged, answered again, turned into the
 * RST that ends the server's side, or dropped; the flow code has already rewritten the packet
 */
#ifndef AXFW_REASON_H
#define AXFW_REASON_H

#define AXFW_REASONS(X)                                                                            \
	X(OTHER_TRAFFIC, PASS, "not TCP to a protected port")                                      \
	X(TRUNCATED, PASS, "a header ran past the packet")                                         \
	X(BAD_HEADER, PASS, "a length field is out of range")                                      \
	X(FRAGMENT, PASS, "an IP fragment: ports or payload not in this packet")                   \
	X(DENIED_BY_OPERATOR, DROP, "the source is on the deny list")                              \
	X(DENIED_BY_PENALTY, DROP, "the source is in the penalty box")                             \
	X(NOT_ALLOWED, DROP, "the source isn't on the allow list")                                 \
	X(SYN_COOKIE, REPLY, "a SYN answered with a cookie")                                       \
	X(SYN_BUDGET, DROP, "more SYNs than the source's budget")                                  \
	X(NO_PAYLOAD, PASS, "SYN, bare ACK, FIN or RST without data")                              \
	X(NOT_A_REQUEST, PASS, "the segment doesn't start with a protected request line")          \
	X(NOT_REFUSABLE, PASS, "a request whose verdict is always userspace's")                    \
	X(HEADERS_INCOMPLETE, PASS, "the end of the headers isn't in the scanned bytes")           \
	X(HEADERS_ODD, PASS, "a duplicate, missing or unusual header")                             \
	X(CLIENT_UNKNOWN, PASS, "what a trusted proxy says of the client can't be read here")      \
	X(NO_KEY, PASS, "no single API key of our form")                                           \
	X(NO_PROOF, PASS, "no server socket proves the sender: may be forged or mid-connection")   \
	X(DAMAGED, PASS, "the TCP checksum is wrong: the stack drops it")                          \
	X(KEY_ADMITTED, PASS, "the key is active")                                                 \
	X(KEY_NOT_KNOWN_HERE, PASS, "not in the map, which may lack keys: userspace decides")      \
	X(NO_ROOM, PASS, "the answer doesn't fit the packet or the connection's MSS")              \
	X(TCP_OPTIONS, PASS, "TCP options in a layout that the answer couldn't mirror")            \
	X(FLOW_TABLE_FULL, PASS, "the refused flow couldn't be remembered")                        \
	X(NOT_CONFIGURED, PASS, "enforcement is off or the response template is missing")          \
	X(SIGNUP_ALLOWED, PASS, "signup inside the window")                                        \
	X(SIGNUP_LIMITED, ANSWER, "too many signups from this address: 429")                       \
	X(KEY_UNKNOWN, ANSWER, "every active key is in the map and this one isn't: 401")           \
	X(KEY_REFUSED_BEFORE, ANSWER, "userspace refused this very key: 401")                      \
	X(KEY_REVOKED, ANSWER, "the key was revoked: 401")                                         \
	X(QUOTA_EXHAUSTED, ANSWER, "the tenant's monthly quota is used up: 429")                   \
	X(RATE_EXCEEDED, ANSWER, "the key is used faster than its rate: 429")                      \
	X(TOO_LARGE, ANSWER, "Content-Length is over the route's limit: 413")                      \
	X(FLOW_ANSWER_AGAIN, CLOSE, "retransmitted request: the answer was lost, sent again")      \
	X(FLOW_LATE_DATA, CLOSE, "data after the refused request: acknowledged, not read")         \
	X(FLOW_RESET_SERVER, CLOSE, "the client has the answer: the server's socket is reset")     \
	X(FLOW_CLIENT_RESET, CLOSE, "the client reset a refused connection: passed to the server") \
	X(FLOW_QUIET, CLOSE, "a bare ACK of a refused connection: nothing to do, dropped")         \
	X(FLOW_RESET_CLIENT, CLOSE, "refused without an answer: the client is reset")              \
	X(FLOW_DROPPED, CLOSE, "refused without a word: dropped")

enum axfw_reason {
#define X(name, action, text) AXFW_REASON_##name,
	AXFW_REASONS(X)
#undef X
		AXFW_REASON_COUNT
};

enum axfw_action {
	AXFW_ACTION_PASS,
	AXFW_ACTION_ANSWER,
	AXFW_ACTION_CLOSE,
	AXFW_ACTION_DROP,
	AXFW_ACTION_REPLY,
};

#endif
