"""Deployments: one model at one address, and what is known of who runs it."""
