"""Marking of AI passages, visible and in metadata (AI Act art. 50(2))."""
