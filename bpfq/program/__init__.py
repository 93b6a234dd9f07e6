"""The handles for programs: compiled, brought along as instructions, for a hook of the kernel."""
