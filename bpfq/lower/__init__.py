"""Query -> formula over packet loads, for one target and link type; one module a subject."""
