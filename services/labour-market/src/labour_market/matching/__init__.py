"""Matching: titles to occupations, texts to skills, skills to occupations. Offline, deterministic."""
