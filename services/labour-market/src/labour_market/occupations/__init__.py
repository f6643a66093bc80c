"""Occupations: ROME 4.0 with the v3 parents that carry skills, and ESCO once imported."""
