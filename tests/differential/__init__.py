"""The compiler against other implementations of the same language, packet by packet."""
