"""Matching: titles to occupations, texts to skills. Offline, deterministic, no model."""
