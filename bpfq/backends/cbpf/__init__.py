"""Decision graph -> classic BPF program."""
