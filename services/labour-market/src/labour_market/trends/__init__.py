"""Trends: published figures for an occupation in a territory, each with its source."""
