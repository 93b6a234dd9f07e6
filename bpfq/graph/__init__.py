"""The decision graph."""
