"""The console script: what holds before anything else of the command is loaded."""

from __future__ import annotations

import gc
import importlib

from muster.model.circles import RARELY


def run() -> None:
    """The command. What it loads stays until it ends, so nothing is looked for in it meanwhile."""
    gc.set_threshold(*RARELY)
    importlib.import_module("muster.cli.main").run()
