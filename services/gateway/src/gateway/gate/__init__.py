"""The one place where a call about a person is let out."""
