"""Owns: what the comparison measures, a module for each kind of thing. Knows nothing of: how results are shown."""
