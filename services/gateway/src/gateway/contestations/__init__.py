"""What a person contests about an output, and who reads it (LR-E07)."""
