"""Restoration: the words of the person back in the place of their surrogates."""
