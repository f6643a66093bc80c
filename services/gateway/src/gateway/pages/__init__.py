"""The pages that a beneficiary reads: consent, and their own space."""
