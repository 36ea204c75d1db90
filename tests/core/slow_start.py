"""What a worker loads first, so that a call comes before the rest."""

import time

time.sleep(0.4)
