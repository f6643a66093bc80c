"""Surrogates: the `[TYPE_n]` that stand in a text for what tells whose it is."""
