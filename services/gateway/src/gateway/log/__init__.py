"""The public Merkle log (C2SP tlog-tiles)."""
