"""What can be told about a filter: plain data for people and programs."""
