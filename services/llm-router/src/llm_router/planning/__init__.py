"""Planning: which deployment may serve a use case, in which order, and why the others may not."""
