"""What happened, told to the centre's software: ids only, written where it happened."""
