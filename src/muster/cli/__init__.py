"""The `muster` command: one file a verb, `render/` for what people read."""
