"""One process that others talk to: the Graph endpoint over the embedded directory."""
