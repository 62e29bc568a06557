"""One folder a connected protocol; `kit` is what all of them share."""
