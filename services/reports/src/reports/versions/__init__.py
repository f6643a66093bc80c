"""Versions of a report: immutable, reviewed passage by passage, signed by a human."""
