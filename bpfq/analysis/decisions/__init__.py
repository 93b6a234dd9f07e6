"""The tests of a decision graph as plain data: their text, their meaning, and what changed."""
