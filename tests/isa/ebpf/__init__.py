"""The eBPF machine's instructions, texts and interpreter, beside the kernel and LLVM."""
