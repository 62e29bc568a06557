"""A synchronizationSchema of Microsoft Graph, and its job, as mapping files."""
