"""One file a revision, named `vNNNN_what.py`; a revision that was released is never changed."""
