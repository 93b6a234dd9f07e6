"""Back ends: a decision graph as a program or a function."""
