"""Gaps: what an occupation asks for beside what a person is known to hold. Never a level."""
