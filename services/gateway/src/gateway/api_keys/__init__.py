"""Long-lived keys of a client, for SDKs that cannot draw tokens."""
