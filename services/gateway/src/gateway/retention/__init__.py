"""Keeping documents beyond a bilan's end, by the person's written agreement (R6313-7)."""
