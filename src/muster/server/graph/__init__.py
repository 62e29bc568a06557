"""Microsoft Graph v1.0 on the wire, over the embedded directory."""
