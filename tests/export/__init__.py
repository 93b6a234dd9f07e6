"""What other tools make of exported programs."""
