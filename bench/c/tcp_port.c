/* tcp dst port 80 */
#include "common.h"

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data;
    struct tcphdr *tcp;

    if (MISSING(eth, at.end))
        return XDP_PASS;
    if (eth->h_proto == be16(ETH_P_IP)) {
        struct iphdr *ip = (void *)(eth + 1);

        if (MISSING(ip, at.end) || ip->protocol != IPPROTO_TCP || ip->frag_off & FRAGMENT_OFFSET)
            return XDP_PASS;
        tcp = (void *)ip + ip->ihl * 4;
    } else if (eth->h_proto == be16(ETH_P_IPV6)) {
        struct ipv6hdr *ip6 = (void *)(eth + 1);

        if (MISSING(ip6, at.end) || ip6->nexthdr != IPPROTO_TCP)
            return XDP_PASS;
        tcp = (void *)(ip6 + 1);
    } else {
        return XDP_PASS;
    }
    if (MISSING(tcp, at.end))
        return XDP_PASS;
    return tcp->dest == be16(80) ? XDP_DROP : XDP_PASS;
}
