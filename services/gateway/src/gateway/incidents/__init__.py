"""Incidents: what went wrong, from when it was known, and by when whom to tell."""
