"""Telling the centre's software what happened: endpoints, deliveries, and what may be reached."""
