"""Graph -> eBPF: the code that is selected for the packet machine, for a machine of registers."""
