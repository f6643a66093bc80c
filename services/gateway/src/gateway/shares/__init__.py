"""Handing the synthesis to somebody else, on the person's own request (L6313-4; LR-A05)."""
