"""Detection: what in a French text tells whose it is."""
