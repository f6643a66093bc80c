"""Drafting: from validated run materials to the sections of the synthesis document."""
