"""Shorter programs by search: level 3.  What is kept was proved, as ``Program.prove`` proves.

    starts    other programs of the query, as the passes make them in other orders
    cases     packets, and what a right program answers: wrong candidates fail on one of them
    moves     programs that differ from a right one in one place
    windows   a few instructions of a program, replaced by fewer
    fill      every sequence of so many instructions, for windows and for whole short programs
    judge     the proof; a counterexample becomes a case

Everything is counted and nothing is timed: the same filter gives the same program anywhere.
"""
