"""The Linux side: filters on sockets, interfaces, limits and received packets.

Nothing here knows the compiler; a program is a sequence of (code, jt, jf, k).
"""
