"""Ways to write a filter down; each gives a query tree."""
