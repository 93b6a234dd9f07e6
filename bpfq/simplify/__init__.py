"""Query -> Query: drop and merge what the tests of a filter say of each other.

needed         whether there can be anything to find
driver         the walk over the query
rules          two tests of one value as one
oracle         what is impossible: by diagram, by example, by z3
example        a packet made by trying
smt smt_encode z3's view of the symbolic packet, also for proofs: ``Solver``, ``Sample``
"""
