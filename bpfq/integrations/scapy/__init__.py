"""scapy: sockets that filter with bpfq, and scapy told to use them."""
