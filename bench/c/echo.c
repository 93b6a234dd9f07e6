/* icmp[icmptype] = icmp-echo */
#include "common.h"

#define ICMP_ECHO 8

struct icmphdr { /* <linux/icmp.h> wants all of the C library's headers */
    __u8 type;
    __u8 code;
    __be16 checksum;
    __be32 rest;
};

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data;
    struct iphdr *ip = (void *)(eth + 1);
    struct icmphdr *icmp;

    if (MISSING(ip, at.end) || eth->h_proto != be16(ETH_P_IP))
        return XDP_PASS;
    if (ip->protocol != IPPROTO_ICMP || ip->frag_off & FRAGMENT_OFFSET)
        return XDP_PASS;
    icmp = (void *)ip + ip->ihl * 4;
    if (MISSING(icmp, at.end))
        return XDP_PASS;
    return icmp->type == ICMP_ECHO ? XDP_DROP : XDP_PASS;
}
