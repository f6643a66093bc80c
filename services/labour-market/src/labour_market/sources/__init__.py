"""Sources: who publishes, and how their files become rows that keep their provenance."""
