"""Classic bytecode back to a query, believed only where it is proved equal."""
