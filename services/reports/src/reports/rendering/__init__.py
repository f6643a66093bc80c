"""Rendering: pure functions from a report to PDF, DOCX, HTML and JSON."""
