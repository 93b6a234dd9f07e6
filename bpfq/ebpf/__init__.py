"""eBPF programs with what belongs to them, from data to the kernel."""
