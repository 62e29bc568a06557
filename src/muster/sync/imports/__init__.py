"""What a read shows of objects, kept; what it does not show any more, believed or not."""
