"""What a call names: it takes a while to import, and imports more."""

import time

time.sleep(0.6)

from tests.core.slow_package.first import first  # noqa: E402


def call_first() -> str:
    return first()
