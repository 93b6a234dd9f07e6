"""The executable meaning of queries on raw bytes, independent of the compiler."""

from bpfq.meaning.evaluate import Meaning, evaluate, meaning
from bpfq.meaning.setting import Setting

__all__ = ["Meaning", "Setting", "evaluate", "meaning"]
