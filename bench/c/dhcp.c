/* udp port 67 or udp port 68 */
#include "common.h"

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data;
    struct udphdr *udp;

    if (MISSING(eth, at.end))
        return XDP_PASS;
    if (eth->h_proto == be16(ETH_P_IP)) {
        struct iphdr *ip = (void *)(eth + 1);

        if (MISSING(ip, at.end) || ip->protocol != IPPROTO_UDP || ip->frag_off & FRAGMENT_OFFSET)
            return XDP_PASS;
        udp = (void *)ip + ip->ihl * 4;
    } else if (eth->h_proto == be16(ETH_P_IPV6)) {
        struct ipv6hdr *ip6 = (void *)(eth + 1);

        if (MISSING(ip6, at.end) || ip6->nexthdr != IPPROTO_UDP)
            return XDP_PASS;
        udp = (void *)(ip6 + 1);
    } else {
        return XDP_PASS;
    }
    if (MISSING(udp, at.end))
        return XDP_PASS;
    return udp->source == be16(67) || udp->source == be16(68) || udp->dest == be16(67) ||
                   udp->dest == be16(68)
               ? XDP_DROP
               : XDP_PASS;
}
