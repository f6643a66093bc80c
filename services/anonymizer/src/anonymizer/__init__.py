"""The anonymizer: reads what people give, keeps who they are, and hands on text without it."""
