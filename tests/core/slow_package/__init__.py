"""Takes a while to import, and imports a module of its own, as `spinealign.wording` does."""

import time

time.sleep(0.4)

from tests.core.slow_package.first import first  # noqa: E402

__all__ = ["first"]
