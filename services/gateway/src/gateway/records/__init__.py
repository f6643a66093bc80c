"""AI Act transparency records: private, sealed, committed to in the log."""
