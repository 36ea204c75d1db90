"""SpineAlign: decision support for spine images, for research and education."""

__version__ = "0.1.0"

from spinealign.quiet_imports import keep_imports_quiet

keep_imports_quiet()
