/* ip src net 10.0.0.0/8 or ip src net 172.16.0.0/12 or ip src net 192.168.0.0/16 */
#include "common.h"

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data;
    struct iphdr *ip = (void *)(eth + 1);

    if (MISSING(ip, at.end) || eth->h_proto != be16(ETH_P_IP))
        return XDP_PASS;
    if ((ip->saddr & be32(0xff000000)) == be32(0x0a000000) ||
        (ip->saddr & be32(0xfff00000)) == be32(0xac100000) ||
        (ip->saddr & be32(0xffff0000)) == be32(0xc0a80000))
        return XDP_DROP;
    return XDP_PASS;
}
