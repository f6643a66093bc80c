"""Free texts, pseudonymised and restored on demand."""
