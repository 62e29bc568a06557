"""The only place that wires: project folder, store, connectors and clock become a running Muster."""
