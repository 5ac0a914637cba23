/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tier 2: a refused connection on its way to being closed. The client must end with a clean close
 * and the server's socket must go, although neither side's stack saw the whole conversation:
 *
 *   the request again, unanswered so far   the same answer (ours was lost)
 *   other data or FIN, unanswered so far   an ACK of nothing new: a client whose request was
 *                                          acknowledged would never send it again
 *   the first ACK of the whole answer      becomes the RST that frees the server's socket
 *   data or FIN after that                 an ACK of the highest byte seen (lingering close)
 *   the client's RST                       becomes the server's, and the flow is forgotten
 *   a bare ACK                             dropped: the stack would answer it with a RST
 *
 * Without an answer (`refuse = reset` or `drop`) the refused request itself becomes the RST to the
 * server, and what the client sends afterwards, its request again at the latest, becomes a RST to
 * the client or is dropped. In this order, because a client that waits sends again and a server
 * that waits doesn't: whichever RST is lost, both ends are rid of the connection.
 *
 * XDP can't clone: a FIN that comes with the first ACK becomes the RST, and its retransmission gets
 * the ACK. A segment belongs to the flow only if it acknowledges something inside the answer, which
 * nobody blind can guess and no new connection of the same ports will; all others go on to the next
 * question.
 *
 * An LRU doesn't say what it evicts, so flows are counted when they begin and when their close is
 * over, in the entry or with it. The daemon takes from the difference those that it finds open in
 * the map; the rest was evicted, and its clients were reset by the server's stack.
 */
#ifndef AXFW_BPF_FLOW_H
#define AXFW_BPF_FLOW_H

#include "answer.h"
#include "maps.h"
#include "parse.h"

/* How long a flow is remembered after its last segment: while it may still retransmit, and after
 * its FIN was acknowledged, for an ACK that was lost. Forgetting too early costs a clean close,
 * never a verdict. */
#define FLOW_OPEN_NS   (60 * NS_PER_S)
#define FLOW_LINGER_NS (5 * NS_PER_S)
/* What is acknowledged unread: the largest body userspace takes, and its head. Beyond, the stack
 * resets. */
#define FLOW_UNREAD_MAX (2u << 20)

/*
 * Most of the time nothing was refused lately, and then no segment needs to be looked up. Jiffies,
 * because the verifier inlines them: the look-up they save is cheaper than reading a clock. A
 * minute at HZ=1000, longer at slower ones: FLOW_OPEN_NS on every kernel.
 */
#define FLOWS_OPEN_JIFFIES 60000

/* When a flow was last begun or followed. 0: a program that has just been put in the place of
 * another, whose flows may still be open. */
__u64 flows_used_at __weak = 0;

static __always_inline void note_flow_use(void)
{
	__u64 now = bpf_jiffies64();

	if (flows_used_at != now) /* or every packet of a flood would fight for the cache line */
		flows_used_at = now;
}

static __always_inline bool flows_may_be_open(void)
{
	if (!flows_used_at)
		note_flow_use();
	return bpf_jiffies64() - flows_used_at < FLOWS_OPEN_JIFFIES;
}

static __always_inline struct axfw_flow_counts *get_flow_counts(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&flow_counts, &zero);
}

static __always_inline void count_flow_begun(void)
{
	struct axfw_flow_counts *c = get_flow_counts();

	if (c)
		c->begun++;
}

static __always_inline void count_flow_ended(void)
{
	struct axfw_flow_counts *c = get_flow_counts();

	if (c)
		c->ended++;
}

/* Has the client got all that there is for it, and sent all that it will? */
static __always_inline bool is_closed(const struct axfw_flow *f)
{
	return f->acknowledged && f->fin_seen;
}

static __always_inline bool flow_is_over(const struct axfw_flow *f, __u64 now)
{
	__u64 keep = is_closed(f) ? FLOW_LINGER_NS : FLOW_OPEN_NS;

	return now - f->last_seen_ns > keep;
}

static __always_inline bool belongs_to_flow(const struct axfw_flow *f, const struct axfw_packet *p)
{
	/* one below: a keep-alive probe */
	return (p->flags & TCP_ACK) && p->ack - f->answer_seq <= f->answer_end - f->answer_seq &&
	       p->seq + 1 - f->refused_seq <= FLOW_UNREAD_MAX;
}

/* The next step of a flow's close, by what the segment is. */
static __always_inline __u32 next_step(struct axfw_flow *f, const struct axfw_packet *p)
{
	bool fin = p->flags & TCP_FIN;
	__u32 end = p->seq + p->payload_len + fin;
	bool old = (__s32)(p->seq - f->next_seq) < 0;

	if (fin)
		f->fin_seen = 1;
	if ((__s32)(end - f->next_seq) > 0)
		f->next_seq = end;
	if (f->response == AXFW_UNANSWERED_DROP)
		return AXFW_REASON_FLOW_DROPPED;
	if (f->response == AXFW_UNANSWERED_RESET) {
		f->acknowledged = f->fin_seen = 1;
		return AXFW_REASON_FLOW_RESET_CLIENT;
	}
	if (!f->acknowledged) {
		if (p->ack == f->answer_end) {
			f->acknowledged = 1;
			return AXFW_REASON_FLOW_RESET_SERVER;
		}
		if (p->seq == f->refused_seq && p->payload_len)
			return AXFW_REASON_FLOW_ANSWER_AGAIN;
	}
	return p->payload_len || fin || old ? AXFW_REASON_FLOW_LATE_DATA : AXFW_REASON_FLOW_QUIET;
}

/* Most segments belong to no refused connection: the look-up that tells is inline, with the
 * packet's own key, because that packet is the one that has to be cheap. */
static __always_inline bool is_in_flow(const struct axfw_packet *p)
{
	return flows_may_be_open() && bpf_map_lookup_elem(&flows, &p->flow);
}

static __always_inline void forget_flow(const struct axfw_flow_key *key, bool was_closed)
{
	if (!bpf_map_delete_elem(&flows, key) && !was_closed)
		count_flow_ended();
}

/* Copies what the caller needs to act to *ret: nothing points into the map afterwards. */
__noinline int GLOBAL(follow)(struct axfw_packet *p, struct axfw_flow *ret)
{
	struct axfw_flow_key key;
	struct axfw_flow *f;
	bool was_closed;
	__u64 now;
	__u32 why;

	if (!p || !ret)
		return AXFW_UNDECIDED;
	key = p->flow; /* 6.1 takes no map key that points into an argument */
	f = bpf_map_lookup_elem(&flows, &key);
	if (!f)
		return AXFW_UNDECIDED;
	now = boot_now(p);
	was_closed = is_closed(f);
	if (flow_is_over(f, now)) {
		forget_flow(&key, was_closed);
		return AXFW_UNDECIDED;
	}
	if (p->flags & TCP_RST) {
		/* exactly where TCP takes a RST: in a connection that both sides know */
		if (p->seq != f->next_seq && p->seq != f->refused_seq)
			return AXFW_UNDECIDED;
		*ret = *f;
		forget_flow(&key, was_closed);
		return AXFW_REASON_FLOW_CLIENT_RESET;
	}
	if (!belongs_to_flow(f, p))
		return AXFW_UNDECIDED;
	f->last_seen_ns = now;
	note_flow_use();
	why = next_step(f, p);
	if (is_closed(f) && !was_closed)
		count_flow_ended();
	*ret = *f;
	return why;
}

/* Does to the frame what the step says, and sets what is to become of it. */
static __always_inline __u32 take_step(struct hook_ctx *ctx, struct axfw_packet *p, struct work *w,
				       __u32 why)
{
	const struct axfw_flow *f = &w->flow;
	struct segment *s = &w->segment;
	int r;

	*s = (struct segment){};
	switch (why) {
	case AXFW_REASON_FLOW_ANSWER_AGAIN:
		p->fate = FATE_SEND_BACK;
		r = GLOBAL(answer)(ctx, p, &w->flow);
		return r ? r : why;
	case AXFW_REASON_FLOW_LATE_DATA:
		p->fate = FATE_SEND_BACK;
		GLOBAL(read_options)(ctx, p, s);
		s->flags = TCP_ACK;
		s->seq = f->answer_end;
		s->ack = f->acknowledged ? f->next_seq : f->refused_seq;
		return GLOBAL(send)(ctx, p, s) ? why : AXFW_REASON_NO_ROOM;
	case AXFW_REASON_FLOW_RESET_SERVER:
	case AXFW_REASON_FLOW_CLIENT_RESET:
		p->fate = FATE_PASS;
		s->flags = TCP_RST;
		s->seq = f->refused_seq;
		s->to_server = 1;
		return GLOBAL(send)(ctx, p, s) ? why : AXFW_REASON_NO_ROOM;
	case AXFW_REASON_FLOW_RESET_CLIENT:
		p->fate = FATE_SEND_BACK;
		s->flags = TCP_RST | TCP_ACK;
		s->seq = f->answer_seq;
		s->ack = f->next_seq;
		return GLOBAL(send)(ctx, p, s) ? why : AXFW_REASON_NO_ROOM;
	default:
		p->fate = FATE_DROP;
		return why;
	}
}

/* The step of a segment that may belong to a refused connection; AXFW_UNDECIDED: it doesn't. */
static __always_inline __u32 follow_flow(struct hook_ctx *ctx, struct axfw_packet *p)
{
	struct work *w = get_work();
	__u32 why;

	if (!w)
		return AXFW_UNDECIDED; /* an array's only element: cannot be */
	why = GLOBAL(follow)(p, &w->flow);
	return why == AXFW_UNDECIDED ? why : take_step(ctx, p, w, why);
}

/* Remembers a refusal, before anything is sent. answer_len: with the FIN; 0: there is none. */
static __always_inline bool remember_refusal(struct axfw_packet *p, __u32 why, __u32 response,
					     __u32 answer_len, struct axfw_flow *f)
{
	note_flow_use();
	*f = (struct axfw_flow){ .last_seen_ns = boot_now(p) };
	f->refused_seq = p->seq;
	f->next_seq = p->seq + p->payload_len + !!(p->flags & TCP_FIN);
	f->answer_seq = p->ack;
	f->answer_end = p->ack + answer_len;
	f->retry_after_s = p->retry_after_s;
	f->response = response;
	f->reason = why;
	f->fin_seen = !!(p->flags & TCP_FIN);
	f->request_id = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	if (bpf_map_update_elem(&flows, &p->flow, f, BPF_ANY))
		return false;
	count_flow_begun();
	return true;
}

#endif
