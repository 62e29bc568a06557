"""Bringing another product's configuration over: its exported files → mapping files, and what they cannot say.

Reading order: `outcome`, `surroundings`, `expressions`, `conditions`; then `entra/` (a synchronizationSchema of
Microsoft Graph) and `connect/` (the synchronization rules of Entra Connect); `rendering` and `metaverse` make texts.
"""
