"""Ending: what there is of a bilan is destroyed with its key (R6313-7)."""
