"""Counsellors: their secrecy, their qualifications, their deactivation."""
