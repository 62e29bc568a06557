"""What an object of each kind may hold, by the names and rules of Microsoft Graph v1.0."""
