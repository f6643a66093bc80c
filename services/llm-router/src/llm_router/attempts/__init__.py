"""One attempt on exactly one deployment: rendered, streamed, checked, repaired at most once."""
