"""One file a revision, `vNNNN_what.py`."""
