"""What a beneficiary allowed AI to do, and taking it back."""
