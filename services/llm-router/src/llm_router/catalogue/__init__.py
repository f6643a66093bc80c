"""The use cases: cards, schemas and prompts, each a versioned file of this package."""
