"""What stands beside the instructions: types (BTF), the filter's own lines, and ELF object files."""
