"""The classic BPF machine: its instructions, their texts, its interpreters, the kernel's rules."""
