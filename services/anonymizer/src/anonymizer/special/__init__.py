"""Special categories (GDPR art. 9 and 10): statements that must not reach a model."""
