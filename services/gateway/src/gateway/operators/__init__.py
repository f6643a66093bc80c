"""The operator's verbs, over a socket that only its owner can open."""
