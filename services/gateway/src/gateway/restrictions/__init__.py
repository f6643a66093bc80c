"""Restriction and objection: a person stops the processing of their data (GDPR 18, 21)."""
