"""The documents of `--json` as people read them. Every key may be absent."""
