"""The embedded cloud directory: users, guests, groups, teams, devices, contacts, as Microsoft Entra ID keeps them."""
