"""Programs as the source text, rules and pictures of other tools."""
