"""Where each header starts, and how a header names the one behind it."""
