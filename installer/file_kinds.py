"""What the packages tell a desktop about image files, from the program's own table of formats."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from spinealign.domain.formats import FORMAT_NAMES, IMAGE_FORMATS, FileKind, ImageFormat, Signature
from spinealign.wording.text import listed


def offered_formats() -> Iterator[tuple[FileKind, ImageFormat]]:
    """Yield the formats for whose files the program is offered, with what they are called."""
    for each in IMAGE_FORMATS:
        if each.file_kind is not None:
            yield each.file_kind, each


def filled(text: str) -> str:
    """Fill what the table says into a text of the packages."""
    mime_types = [kind.mime_type for kind, _ in offered_formats()]
    values = {
        "@FORMATS@": listed(FORMAT_NAMES),
        "@OFFERED@": listed([each.name for _, each in offered_formats()]),
        "@MIME_TYPES@": "".join(f"{each};" for each in mime_types),
        "@MEDIA_TYPES@": "\n    ".join(f"<mediatype>{each}</mediatype>" for each in mime_types),
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def mime_xml() -> str:
    """Return the file kinds in the language of shared-mime-info."""
    kinds = "".join(_mime_type(kind, each) for kind, each in offered_formats())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">\n'
        f"{kinds}</mime-info>\n"
    )


def _mime_type(kind: FileKind, file_format: ImageFormat) -> str:
    matches = "".join(map(_match, file_format.signatures))
    globs = "".join(map(_glob, file_format.suffixes))
    return (
        f"  <mime-type type={quoteattr(kind.mime_type)}>\n"
        f"    <comment>{escape(kind.title)}</comment>\n"
        f'    <magic priority="50">\n{matches}    </magic>\n'
        f"{globs}  </mime-type>\n"
    )


def _match(signature: Signature) -> str:
    """Return an element that matches the first bytes, with the next ones inside."""
    (offset, value), *others = signature
    start = f'<match value={quoteattr(_escaped(value))} type="string" offset="{offset}"'
    inside = _match(tuple(others)).strip() if others else ""
    end = f">{inside}</match>" if inside else "/>"
    return f"      {start}{end}\n"


def _escaped(value: bytes) -> str:
    """Return bytes as the magic of shared-mime-info wants them."""
    return "".join(chr(b) if 0x20 <= b < 0x7F and b != 0x5C else f"\\{b:03o}" for b in value)


def _glob(suffix: str) -> str:
    # Of two patterns that fit, the one with the larger weight counts; 50 is the usual one.
    weight = ' weight="60"' if suffix.count(".") > 1 else ""
    return f'    <glob pattern="*{suffix}"{weight}/>\n'


def setup_header() -> str:
    """Return what the Windows setup includes: formats, and a macro over their suffixes.

    Windows knows a file by its last suffix only.
    """
    suffixes = [s for _, each in offered_formats() for s in each.suffixes if s.count(".") == 1]
    lines = [f'    !insertmacro ${{ACTION}} "{suffix}"' for suffix in suffixes]
    return "\n".join(
        (
            filled('!define OFFERED "@OFFERED@"'),
            "!macro ForEachSuffix ACTION",
            *lines,
            "!macroend",
            "",
        )
    )
