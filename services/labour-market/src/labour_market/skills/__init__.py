"""Skills: the items of ROME v3, and of ESCO once imported."""
