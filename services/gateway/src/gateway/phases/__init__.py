"""The three phases of a bilan, in order, each closed by a counsellor (Code du travail R6313-4)."""
