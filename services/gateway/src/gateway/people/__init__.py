"""Counsellors and beneficiaries, by opaque ids."""
