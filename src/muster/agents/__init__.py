"""Agents: connectors that run beside their systems and are reached over connections that they open themselves.

Read it in this order: `codec` (what travels), `host` (a session beside the system), `remote` (the same session as the
engine sees it), `registry` (who may), `line` and `switchboard` (how both get there), `agent` (the process itself).
"""
