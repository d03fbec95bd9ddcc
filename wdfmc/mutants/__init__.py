"""Drivers that differ from a given one in one line: what each line is there for."""
