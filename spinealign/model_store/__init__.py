"""Models that a person installs, checks, trusts, chooses and takes away again.

Which model answers is decided in `spinealign.inference.catalog`, by what `ModelStore` keeps in the
profile; nothing here is loaded while an image is analysed.
"""

from spinealign.model_store.store import ModelStore

__all__ = ["ModelStore"]
