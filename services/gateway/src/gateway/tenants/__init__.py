"""Organisations and the software that calls for them (OAuth2)."""
