"""A beneficiary's documents: read, examined, pseudonymised and sealed."""
