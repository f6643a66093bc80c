"""A page for each way of saying no: `type` of a problem document leads here."""
