"""The vault: the only place where surrogates and what they stand for can be joined again."""
