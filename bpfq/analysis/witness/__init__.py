"""Packets that match a filter and look like real ones.

pieces linkheaders templates   packets of each kind, behind the link header of each link type
draft                          a packet being made: its bytes, and the values of terms on them
patch                          the smallest changes that give a test another outcome
steer                          a way through the decision graph, taken by patching
exact                          what steering does not find, decided by the proof engine
repair sums                    lengths and checksums, wherever the filter leaves them free
found wire                     all of these: one packet, as users see it
witness nearmiss branches      packets that match, that fail one clause, one for each outcome
"""
