"""Intake: reading a file that somebody sent, in a process that may crash without harm."""
