"""The encoder of an eBPF program for a hook, of which nothing of the compiler is used.

code         slots, ways between them, what is read from each on
values       what registers and the stack hold, and what it is where ways meet
numbers      arithmetic on numbers in the machine's byte order and in the packet's
comparisons  tests of numbers, and of pointers against the end of the packet
memory       loads and stores: packet, context, stack; the legacy loads
calls        helpers
encode       the whole program
"""
