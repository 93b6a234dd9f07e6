/* vlan 100 and tcp port 443 */
#include "common.h"

struct vlan {
    __be16 tci;
    __be16 type;
};

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data;
    struct vlan *tag = (void *)(eth + 1);
    struct tcphdr *tcp;

    if (MISSING(tag, at.end))
        return XDP_PASS;
    if (eth->h_proto != be16(ETH_P_8021Q) && eth->h_proto != be16(ETH_P_8021AD) &&
        eth->h_proto != be16(ETH_P_QINQ1))
        return XDP_PASS;
    if ((tag->tci & be16(0x0fff)) != be16(100))
        return XDP_PASS;
    if (tag->type == be16(ETH_P_IP)) {
        struct iphdr *ip = (void *)(tag + 1);

        if (MISSING(ip, at.end) || ip->protocol != IPPROTO_TCP || ip->frag_off & FRAGMENT_OFFSET)
            return XDP_PASS;
        tcp = (void *)ip + ip->ihl * 4;
    } else if (tag->type == be16(ETH_P_IPV6)) {
        struct ipv6hdr *ip6 = (void *)(tag + 1);

        if (MISSING(ip6, at.end) || ip6->nexthdr != IPPROTO_TCP)
            return XDP_PASS;
        tcp = (void *)(ip6 + 1);
    } else {
        return XDP_PASS;
    }
    if (MISSING(tcp, at.end))
        return XDP_PASS;
    return tcp->source == be16(443) || tcp->dest == be16(443) ? XDP_DROP : XDP_PASS;
}
