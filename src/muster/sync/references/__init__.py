"""Managers, members and everything else that names another object; large lists an edge at a time."""
