"""Telling people that AI is used: the notices, and that they were shown (AI Act 50)."""
