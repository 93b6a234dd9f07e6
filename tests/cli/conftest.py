from .running import bpfq

__all__ = ["bpfq"]
