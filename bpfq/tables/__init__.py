"""Reference data: rows, no behaviour beyond look-up."""
