"""Foreign implementations that decide what is right, and the packets to ask them about."""
