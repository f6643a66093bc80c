"""What the installation runs with, and the record of each change to it (`system.config`)."""
