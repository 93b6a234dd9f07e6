"""What the command line is, for shells and for its manual page."""
