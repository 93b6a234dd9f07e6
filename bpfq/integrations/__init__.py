"""Other people's programs, with bpfq inside."""
