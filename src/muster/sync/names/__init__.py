"""Names and unique values: who has them, what stands in their way, what follows when they change."""
