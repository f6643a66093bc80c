"""What guards the door: caps, idempotency, documentation."""
