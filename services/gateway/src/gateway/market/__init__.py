"""Occupations, skills and the labour market, relayed."""
