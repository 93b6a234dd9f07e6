"""The query tree and what can be done with it whole."""
