"""Charts: what they show, their value tables, and the pictures drawn from them."""
