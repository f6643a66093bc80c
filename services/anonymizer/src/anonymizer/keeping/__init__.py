"""Keeping: what a person agreed to leave with the centre after their bilan (R6313-7)."""
