/* tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn */
#include "common.h"

SEC("xdp") int drop(struct xdp_md *context)
{
    struct bounds at = packet(context);
    struct ethhdr *eth = at.data;
    struct iphdr *ip = (void *)(eth + 1);
    struct tcphdr *tcp;

    if (MISSING(ip, at.end) || eth->h_proto != be16(ETH_P_IP))
        return XDP_PASS;
    if (ip->protocol != IPPROTO_TCP || ip->frag_off & FRAGMENT_OFFSET)
        return XDP_PASS;
    tcp = (void *)ip + ip->ihl * 4;
    if (MISSING(tcp, at.end))
        return XDP_PASS;
    return tcp->syn && !tcp->ack ? XDP_DROP : XDP_PASS;
}
