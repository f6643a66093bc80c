"""Keeping: the signed synthesis that a person leaves with the centre after their bilan."""
