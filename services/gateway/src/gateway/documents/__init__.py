"""A beneficiary's documents, which rest in the anonymizer."""
