/* What the XDP programs beside this file share: headers, verdicts, the check of a header. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define be16(value) ((__be16)__builtin_bswap16(value))
#define be32(value) ((__be32)__builtin_bswap32(value))
#else
#define be16(value) ((__be16)(value))
#define be32(value) ((__be32)(value))
#endif

#define FRAGMENT_OFFSET be16(0x1fff)

struct bounds {
    void *data, *end;
};

INLINE struct bounds packet(struct xdp_md *context)
{
    return (struct bounds){(void *)(long)context->data, (void *)(long)context->data_end};
}

/* The packet ends before the end of *header. */
#define MISSING(header, end) ((void *)((header) + 1) > (end))

char _license[] SEC("license") = "GPL";
