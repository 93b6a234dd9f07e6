"""The Linux side: bpf(2), filters on sockets, interfaces, limits and received packets.

Nothing here knows the compiler; a classic program is a sequence of (code, jt, jf, k), an eBPF
program one of (opcode, dst, src, off, imm).
"""
