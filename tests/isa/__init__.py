"""The machines: each instruction, text and verdict beside a foreign implementation."""
