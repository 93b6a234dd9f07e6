"""What is legal and yet most likely a mistake: rules with stable codes, one module a family."""
