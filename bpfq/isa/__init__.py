"""The machines that bpfq emits code for."""
