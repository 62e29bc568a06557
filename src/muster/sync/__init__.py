"""The engine. Read it in the order importing, inbound, outbound, planning, exporting, run."""
