"""bpfq, the packet-query compiler."""
