"""The convention between employer, worker and provider (Code du travail R6313-8)."""
