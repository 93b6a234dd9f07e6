from cli.running import bpfq

__all__ = ["bpfq"]
