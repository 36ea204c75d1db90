"""What PyInstaller collects and SpineAlign never uses: left out by named rules, and counted."""

from __future__ import annotations

import posixpath
import shutil
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

Entry = tuple[str, str, str]
"""PyInstaller's (place in the package, file it comes from, kind)."""


@dataclass(frozen=True)
class Rule:
    """One reason to leave files out.

    Parameters
    ----------
    reason : str
        For the table of sizes.
    patterns : tuple of str
        Of places in the package, with ``*`` over folders too.
    keep : tuple of str
        Exceptions from the patterns.
    """

    reason: str
    patterns: tuple[str, ...]
    keep: tuple[str, ...] = ()

    def takes(self, place: str) -> bool:
        """Whether the rule leaves out what lies at `place`."""
        return _matches(place, self.patterns) and not _matches(place, self.keep)


KEPT_QT = (
    "Core", "Gui", "Widgets", "Svg", "DBus", "XcbQpa", "WaylandClient", "WlShellIntegration",
    "Pdf", "PdfWidgets", "PrintSupport", "Network",
)  # fmt: skip
"""Parts of Qt that the window, its platforms and its icons need.

Pdf is linked with Network and never calls it; on Linux it gets a stand-in.
"""

KEPT_QT_PLUGINS = (
    "platforms/*qxcb*", "platforms/*qwayland*", "platforms/*qoffscreen*", "platforms/*qwindows*",
    "platforms/*qcocoa*", "styles/*", "iconengines/*qsvgicon*", "imageformats/*qsvg*",
    "imageformats/*qjpeg*", "imageformats/*qico*", "platforminputcontexts/*",
    "platformthemes/*qxdgdesktopportal*", "wayland-shell-integration/*xdg-shell*",
    "wayland-decoration-client/*bradient*", "printsupport/*",
)  # fmt: skip

SYSTEM_LIBRARIES = (
    "libX11", "libX11-xcb", "libXau", "libXdmcp", "libXext", "libxcb", "libxcb-randr",
    "libxcb-render", "libxcb-shape", "libxcb-shm", "libxcb-sync", "libxcb-xfixes", "libxcb-xkb",
    "libglib-2.0", "libgthread-2.0", "libgobject-2.0", "libgmodule-2.0", "libgio-2.0",
    "libdbus-1", "libsystemd", "libfontconfig", "libfreetype", "libexpat", "libpng16",
    "libbrotlidec", "libbrotlicommon", "libbsd", "libmd", "libstdc++", "libgcc_s", "libz",
    "libpcre2-8", "libmount", "libblkid", "libselinux", "libwayland-client",
    "libwayland-cursor", "libwayland-egl", "libcap", "libgcrypt", "libgpg-error", "liblz4",
    "libzstd", "libcrypto", "libssl", "libcups", "libavahi-client", "libavahi-common", "libgnutls",
    "libp11-kit", "libidn2", "libunistring", "libtasn1", "libnettle", "libhogweed", "libgmp",
)  # fmt: skip
"""Every desktop Linux has these; they get their security updates from it."""

RULES = (
    Rule(
        "Qt libraries without use",
        ("PyQt6/Qt6/lib/libQt6*", "PyQt6/Qt6/bin/Qt6*.dll", "PyQt6/Qt6/lib/Qt*.framework/*"),
        tuple(f"PyQt6/Qt6/lib/libQt6{name}.so*" for name in KEPT_QT)
        + tuple(f"PyQt6/Qt6/bin/Qt6{name}.dll" for name in KEPT_QT)
        + tuple(f"PyQt6/Qt6/lib/Qt{name}.framework/*" for name in KEPT_QT),
    ),
    Rule("network of Qt for Python", ("PyQt6/QtNetwork.*",)),
    Rule("software OpenGL of Qt (the window draws without)", ("PyQt6/Qt6/bin/opengl32sw.dll",)),
    Rule(
        "Qt plugins without use",
        ("PyQt6/Qt6/plugins/*",),
        tuple(f"PyQt6/Qt6/plugins/{pattern}" for pattern in KEPT_QT_PLUGINS),
    ),
    Rule("translations of Qt (the window is in English)", ("PyQt6/Qt6/translations/*",)),
    Rule(
        "GTK and what it brings",
        tuple(
            f"lib{name}*"
            for name in (
                "gtk-3", "gdk-3", "gdk_pixbuf", "atk-", "atspi", "atk-bridge", "cairo", "pango",
                "epoxy", "harfbuzz", "fribidi", "thai", "datrie", "graphite2", "pixman", "jpeg",
                "Xi.", "Xcursor", "Xrender", "Xrandr", "Xinerama", "Xcomposite", "Xdamage",
                "Xfixes", "xcb-glx",
            )
        ),
    ),
    Rule(
        "Kerberos (nobody signs in by it)",
        ("libkrb5*", "libk5crypto*", "libgssapi*", "libkeyutils*", "libcom_err*"),
    ),
    Rule(
        "libraries of the Linux desktop (the .deb depends on them)",
        tuple(f"{name}.so*" for name in SYSTEM_LIBRARIES),
    ),
    Rule(
        "terminal editing",
        ("libreadline*", "libtinfo*", "libncurses*", "*/readline.*", "*/_curses*"),
    ),
    Rule(
        "video codecs (Windows), face models and type hints of OpenCV",
        ("cv2/opencv_videoio_ffmpeg*.dll", "cv2/data/*", "cv2/*.pyi", "cv2/*/*.pyi"),
    ),
    Rule(
        "AVIF and colour management of Pillow",
        (
            "PIL/_avif.*", "PIL/_imagingtk.*", "PIL/_imagingcms.*", "pillow.libs/libavif*",
            "pillow.libs/liblcms2*",
        ),
    ),
    Rule(
        "WebGPU and compiler of LiteRT",
        (
            "ai_edge_litert/*WebGpu*", "ai_edge_litert/*converter*",
            "ai_edge_litert/*genai*", "ai_edge_litert/aot/*", "ai_edge_litert/vendors/*",
            "ai_edge_litert/tools/*",
        ),
    ),
    Rule("tests of NumPy", ("numpy/_core/_multiarray_tests*", "numpy/*/tests/*")),
)  # fmt: skip


def prune(entries: Iterable[Entry]) -> tuple[list[Entry], dict[str, list[Entry]]]:
    """Split what was collected into what stays, and what goes by each rule's reason."""
    kept: list[Entry] = []
    left_out: dict[str, list[Entry]] = {}
    for entry in entries:
        rule = next((r for r in RULES if r.takes(entry[0].replace("\\", "/"))), None)
        if rule is None:
            kept.append(entry)
        else:
            left_out.setdefault(rule.reason, []).append(entry)
    return kept, left_out


def size_of_entry(entry: Entry) -> int:
    """Return the bytes that an entry takes; a link takes none."""
    return 0 if entry[2] == "SYMLINK" else Path(entry[1]).stat().st_size


def without_dead_links(entries: Iterable[Entry], gone: Collection[str]) -> list[Entry]:
    """Leave out symbolic links that lead to a place in `gone`."""
    return [e for e in entries if e[2] != "SYMLINK" or _goal(e) not in gone]


def _goal(link: Entry) -> str:
    """Return the place that a link leads to; it is written relative to the link's folder."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(link[0]), link[1]))


def strip_debug_symbols(entries: Iterable[Entry], folder: Path) -> list[Entry]:
    """Replace libraries by copies in `folder` without what only a debugger reads.

    Libraries in ``*.libs`` were rewritten when their wheel was made; ``strip`` breaks such.
    """
    stripped = []
    for place, source, kind in entries:
        if kind in ("BINARY", "EXTENSION") and ".libs/" not in place:
            copy = folder / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            subprocess.run(["strip", "--strip-unneeded", str(copy)], check=True)
            source = str(copy)
        stripped.append((place, source, kind))
    return stripped


def _matches(place: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(place, pattern) for pattern in patterns)
