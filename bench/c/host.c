/* ip host 192.0.2.7 and not icmp */
#include "common.h"

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data;
    struct iphdr *ip = (void *)(eth + 1);

    if (MISSING(ip, at.end) || eth->h_proto != be16(ETH_P_IP))
        return XDP_PASS;
    if (ip->protocol == IPPROTO_ICMP)
        return XDP_PASS;
    return ip->saddr == be32(0xc0000207) || ip->daddr == be32(0xc0000207) ? XDP_DROP : XDP_PASS;
}
