/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* XDP: the frame as the driver received it. See context.h. */
#ifndef AXFW_BPF_CONTEXT_XDP_H
#define AXFW_BPF_CONTEXT_XDP_H

#define hook_ctx     xdp_md
#define HOOK	     AXFW_HOOK_XDP
#define GLOBAL(name) axfw_xdp_##name

static __always_inline __u32 frame_len(const struct hook_ctx *ctx)
{
	return bpf_xdp_get_buff_len((struct hook_ctx *)ctx);
}

static __always_inline __u32 arrived_on(const struct hook_ctx *ctx)
{
	return ctx->ingress_ifindex;
}

/* Brings more of the frame between data and data_end. false: there is no more to bring. */
static __always_inline bool pull_headers(struct hook_ctx *ctx __attribute__((unused)))
{
	return false;
}

static __always_inline bool load_bytes(struct hook_ctx *ctx, __u32 at, void *to, __u32 len)
{
	return !bpf_xdp_load_bytes(ctx, at, to, len);
}

static __always_inline bool store_bytes(struct hook_ctx *ctx, __u32 at, const void *from, __u32 len)
{
	return !bpf_xdp_store_bytes(ctx, at, (void *)from, len);
}

/* In front of a frame drivers leave 256 bytes, of which the kernel keeps 40 to itself. */
#define HEAD_ROOM 208

/* Native veth and generic XDP have no more at the tail than rounding the frame up to 64 bytes left.
 * So the tail is tried, then the head, then both: the caller writes everything anew, wherever the
 * frame begins. Left as it was when there is no room. */
static __always_inline bool grow(struct hook_ctx *ctx, int delta)
{
	if (!bpf_xdp_adjust_tail(ctx, delta) || !bpf_xdp_adjust_head(ctx, -delta))
		return true;
	if (delta <= HEAD_ROOM || bpf_xdp_adjust_head(ctx, -HEAD_ROOM))
		return false;
	if (!bpf_xdp_adjust_tail(ctx, delta - HEAD_ROOM))
		return true;
	bpf_xdp_adjust_head(ctx, HEAD_ROOM);
	return false;
}

/* Gives the frame the length `len`. */
static __always_inline enum room make_room(struct hook_ctx *ctx,
					   __u32 tcp_was_at __attribute__((unused)),
					   __u32 tcp_at __attribute__((unused)), __u32 len)
{
	int delta = (int)len - (int)frame_len(ctx);

	if (delta > 0)
		return grow(ctx, delta) ? ROOM_MADE : ROOM_NONE;
	return !delta || !bpf_xdp_adjust_tail(ctx, delta) ? ROOM_MADE : ROOM_NONE;
}

static __always_inline int leave(struct hook_ctx *ctx __attribute__((unused)), enum fate fate)
{
	switch (fate) {
	case FATE_SEND_BACK:
		return XDP_TX;
	case FATE_DROP:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

#endif
