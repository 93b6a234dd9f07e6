"""Level 3: what the search finds, that it is right, and that it is told."""
