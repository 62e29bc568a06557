"""What every test may use.

Property tests look at the same examples in every run, so that a change is blamed for what it broke and for nothing
else, and no example is late: a loaded machine is no defect. `HYPOTHESIS_PROFILE=explore` looks for new examples.
"""

import os

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures"]

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
