"""Query -> Query: drop and merge what the tests of a filter say of each other.

smt            z3's view of the symbolic packet: ``Solver``, and the ``Sample`` it finds
smt_encode     words, conditions and propositions as z3 expressions
"""
