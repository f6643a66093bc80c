"""Witnesses of the log: others who follow it and cosign what continues what they saw."""
