"""All five services in one process, joined by a streaming in-process transport."""
