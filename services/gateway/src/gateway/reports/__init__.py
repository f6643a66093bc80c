"""Reports, composed from validated runs and relayed."""
