"""Breaks the page by a seeded plan, and afterwards accounts for every record. `docs/chaos.md` tells how to use it."""
