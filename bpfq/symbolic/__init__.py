"""One symbolic packet: what a filter computes from it, whatever form the filter has.

words          32-bit values of the packet, shared by identity
propositions   what holds of it, with "the filter ends here" as a third outcome
formula graph classic    the three encoders: of a query's meaning, a decision graph, a program
decided        where a filter is decided by the captured bytes, and where not
views          one frame on the wire as each target sees it
diagram        the exact procedure: decision diagrams over interval sets
choices        words chosen by conditions, in diagrams
"""
