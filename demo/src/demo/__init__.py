"""A centre's software, its counsellor and a beneficiary, played through the public API alone."""
