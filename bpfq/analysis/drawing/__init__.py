"""Pictures of decision graphs: in the terminal, as SVG, for Graphviz and for Mermaid."""
