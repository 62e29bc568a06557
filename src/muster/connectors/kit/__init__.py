"""The contract of a connector, the guard that wraps it, the registry that finds it, and the kit that tests it."""
