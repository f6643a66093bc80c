"""Legal holds: what is kept beyond its time because a proceeding needs it, why and until when."""
