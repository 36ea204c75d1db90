"""What a call names: the package imports it, and it imports what a worker loads at its start."""

import time

time.sleep(0.6)

from tests.core.slow_package.second import second  # noqa: E402


def first() -> str:
    return f"first, {second()}"
