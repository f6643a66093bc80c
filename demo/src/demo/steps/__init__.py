"""The seven steps of the demo, one file each."""
