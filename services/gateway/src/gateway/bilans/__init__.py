"""Career reviews, their agreement and their state."""
