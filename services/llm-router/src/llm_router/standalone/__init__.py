"""The router alone: an OpenAI-compatible pass-through on loopback, for requests of no person.

No pass, no consent, no record: nothing here may ever see a person's data, and nothing here
claims a record. It shares the deployments, their routes and their closures with the service.
"""
