"""The eBPF machine: its instructions, their texts, its interpreter, programs as data."""
