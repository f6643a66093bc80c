"""The one door: consent, the dispatch gate, the public log; it asks each service in turn."""
