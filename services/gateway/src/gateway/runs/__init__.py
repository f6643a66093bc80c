"""Use cases at work: prepare, plan, gate, attempt, restore, record."""
