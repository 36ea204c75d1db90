"""Words of a batch's gallery: a page on which thousands of results are leafed through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TITLE: Final = "Results of a batch"
NEEDS_SCRIPTS: Final = "Allow this page to run scripts: without them it shows nothing."
ABOUT: Final = (
    "Pictures are small copies of the images with what was outlined; text that is burned into an "
    "image is on them too. The confidence is the least of what the program says of its landmarks, "
    "of the kind of image and of the class, from 0 to 1; it is no probability that all is right."
)
KEYS: Final = (
    "Arrow keys go from picture to picture, Enter opens one, Page Down and Page Up turn pages, "
    "“/” goes to the search, and Escape empties it."
)

SEARCH, STATUS, KIND, CAUTION, ORDER = "Search", "Status", "Kind of image", "Caution", "Order"
ALL, NO_CAUTION = "all", "without any"
PREVIOUS, NEXT = "Previous page", "Next page"

STATUSES: Final[Mapping[str, str]] = {
    "done": "done", "refused": "refused", "failed": "failed", "waiting": "waiting",
}  # fmt: skip
ORDERS: Final[Mapping[str, str]] = {
    "doubt": "least sure first",
    "sure": "most sure first",
    "cautions": "most cautions first",
    "name": "by name",
    "number": "as listed",
}
"""Keys are those of gallery.js."""

LINKS: Final[Mapping[str, str]] = {
    "report.html": "report", "report.pdf": "report (PDF)", "overlay.png": "picture", "": "folder",
}  # fmt: skip
"""What a card leads to, by file in the folder of results; the first that is there comes first."""

SHOWN: Final[Mapping[str, str]] = {
    "noPicture": "no picture",
    "confidence": "confidence",
    "count": "{shown} of {total} images",
    "page": "page {page} of {pages}",
}
"""What the page itself fills in."""


def caution_title(code: str) -> str:
    """Return a caution's code as words for a list of choices."""
    return code.replace("_", " ")
