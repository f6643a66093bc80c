"""Beneficiaries, by opaque ids."""
