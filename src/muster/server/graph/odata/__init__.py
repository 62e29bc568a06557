"""The parts of OData 4.01 that Microsoft Graph speaks for directory objects. Pure."""
