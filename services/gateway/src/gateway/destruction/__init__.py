"""The end of a bilan and the erasure of a person, to the last row (R6313-7; GDPR 17)."""
