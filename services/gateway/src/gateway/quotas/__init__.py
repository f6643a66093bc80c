"""What a contract allows a tenant in a month, kept by all processes together."""
