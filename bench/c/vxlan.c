/* vxlan 77 and tcp port 80 */
#include "common.h"

struct vxlan {
    __u8 flags;
    __u8 reserved[3];
    __be32 vni; /* in its first three bytes */
};

/* The header behind that of IP, if it is of this protocol and not of a later fragment. */
INLINE void *transport(struct ethhdr *eth, void *end, __u8 protocol)
{
    if (eth->h_proto == be16(ETH_P_IP)) {
        struct iphdr *ip = (void *)(eth + 1);

        if (MISSING(ip, end) || ip->protocol != protocol || ip->frag_off & FRAGMENT_OFFSET)
            return 0;
        return (void *)ip + ip->ihl * 4;
    }
    if (eth->h_proto == be16(ETH_P_IPV6)) {
        struct ipv6hdr *ip6 = (void *)(eth + 1);

        if (MISSING(ip6, end) || ip6->nexthdr != protocol)
            return 0;
        return ip6 + 1;
    }
    return 0;
}

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data, *inner;
    struct udphdr *udp;
    struct vxlan *vxlan;
    struct tcphdr *tcp;

    if (MISSING(eth, at.end))
        return XDP_PASS;
    udp = transport(eth, at.end, IPPROTO_UDP);
    if (!udp)
        return XDP_PASS;
    vxlan = (void *)(udp + 1);
    inner = (void *)(vxlan + 1);
    if (MISSING(inner, at.end) || udp->dest != be16(4789))
        return XDP_PASS;
    if (vxlan->flags != 8 || (vxlan->vni & be32(0xffffff00)) != be32(77 << 8))
        return XDP_PASS;
    tcp = transport(inner, at.end, IPPROTO_TCP);
    if (!tcp || MISSING(tcp, at.end))
        return XDP_PASS;
    return tcp->source == be16(80) || tcp->dest == be16(80) ? XDP_DROP : XDP_PASS;
}
