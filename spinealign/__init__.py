"""SpineAlign: decision support for spine images, for research and education."""

__version__ = "0.1.0"
