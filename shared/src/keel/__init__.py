"""What all five services stand on: small, load-bearing, dull, and without an opinion on bilans."""
