"""Erasure: the end of a bilan, by the destruction of its key."""
