"""Small neural networks over words: what they see, how they are built, where weights are kept."""
