"""What a program is written as."""
