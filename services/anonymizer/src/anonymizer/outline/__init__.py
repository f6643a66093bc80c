"""The outline of a career, read from a CV's text by rules: what is known without any model."""
