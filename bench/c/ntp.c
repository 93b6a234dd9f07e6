/* udp dst port 123 and udp[8] & 7 = 7 and udp[11] = 42 */
#include "common.h"

struct ntp_private {
    __u8 mode; /* in its lowest three bits */
    __u8 sequence;
    __u8 implementation;
    __u8 request;
};

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data;
    struct iphdr *ip = (void *)(eth + 1);
    struct udphdr *udp;
    struct ntp_private *ntp;

    if (MISSING(ip, at.end) || eth->h_proto != be16(ETH_P_IP))
        return XDP_PASS;
    if (ip->protocol != IPPROTO_UDP || ip->frag_off & FRAGMENT_OFFSET)
        return XDP_PASS;
    udp = (void *)ip + ip->ihl * 4;
    ntp = (void *)(udp + 1);
    if (MISSING(ntp, at.end) || udp->dest != be16(123))
        return XDP_PASS;
    return (ntp->mode & 7) == 7 && ntp->request == 42 ? XDP_DROP : XDP_PASS;
}
