"""What .NET does with dates and regular expressions, which the documented functions lean on."""
