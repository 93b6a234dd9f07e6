"""What ``--json`` prints, as JSON Schema; ``bpfq schema`` prints them."""
