"""What the packages are made by: rules, scripts, and the promise about OpenCV."""

from __future__ import annotations

import ast
import configparser
import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from installer.archive import write_sums
from installer.contents import Inside, distributions, parts_of_bill
from installer.debian import HERE, PACKAGES, SYSTEM_LIBRARY_NAMES, dated, depends
from installer.file_kinds import filled, mime_xml
from installer.identity import IDENTITY
from installer.notices import NOT_IN_WHEEL
from installer.pruning import SYSTEM_LIBRARIES, prune, without_dead_links
from installer.stand_ins import Replacement, replace_libraries
from spinealign import __version__
from spinealign.cli.command_names import COMMANDS

ROOT = Path(__file__).resolve().parent.parent.parent

# Functions of OpenCV (and its constants) that use neither video nor AV1 nor LAPACK: on Linux the
# package holds empty stand-ins for those (installer/stand_ins.py). Before a name is added here,
# run the tests with the stand-ins loaded, as docs/design/packaging.md tells. With `refineIters`
# estimateAffine2D does call cblas_dgemm.
OPENCV_WITHOUT_STAND_INS = {
    "CLAHE", "GaussianBlur", "LUT", "Laplacian", "Sobel", "applyColorMap", "approxPolyDP", "blur",
    "boundingRect", "circle", "connectedComponents", "connectedComponentsWithStats",
    "contourArea", "copyMakeBorder", "createCLAHE", "cvtColor", "dilate", "distanceTransform",
    "distanceTransformWithLabels", "drawContours", "erode", "estimateAffine2D", "fillPoly",
    "findContours", "fitLine",
    "getRotationMatrix2D", "getStructuringElement", "getTextSize", "imdecodemulti", "imencode",
    "line", "max", "medianBlur", "min", "minAreaRect", "morphologyEx", "pointPolygonTest",
    "polylines", "putText", "rectangle", "remap", "resize", "setNumThreads", "sumElems",
    "threshold", "typing", "warpAffine", "warpPolar",
}  # fmt: skip


def opencv_names() -> set[str]:
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in (ROOT / "spinealign").rglob("*.py")
        if "training" not in path.parts
    ]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "cv2"
    }


def test_the_program_uses_only_what_the_package_holds_of_opencv() -> None:
    used = {name for name in opencv_names() if not name.isupper() and not re.match("[A-Z]+_", name)}
    assert used
    assert used <= OPENCV_WITHOUT_STAND_INS


@pytest.mark.parametrize(
    ("place", "stays"),
    [
        ("PyQt6/Qt6/lib/libQt6Core.so.6", True),
        ("PyQt6/Qt6/lib/libQt6Pdf.so.6", True),
        ("PyQt6/Qt6/lib/libQt6PdfQuick.so.6", False),
        ("PyQt6/Qt6/plugins/printsupport/libcupsprintersupport.so", True),
        ("libcups.so.2", False),
        ("PyQt6/Qt6/lib/libQt6Network.so.6", True),  # Pdf is linked with it
        ("PyQt6/Qt6/bin/Qt6Network.dll", True),
        ("PyQt6/QtNetwork.abi3.so", False),
        ("PyQt6/QtNetwork.pyd", False),
        ("PyQt6/Qt6/plugins/tls/libqopensslbackend.so", False),
        ("PyQt6/Qt6/bin/Qt6Widgets.dll", True),
        ("PyQt6/Qt6/bin/opengl32sw.dll", False),
        ("PyQt6/Qt6/plugins/platforms/libqxcb.so", True),
        ("PyQt6/Qt6/plugins/platforms/qwindows.dll", True),
        ("PyQt6/Qt6/plugins/platforms/libqvnc.so", False),
        ("PyQt6/Qt6/plugins/imageformats/libqsvg.so", True),
        ("PyQt6/Qt6/plugins/imageformats/libqpdf.so", False),
        ("PyQt6/Qt6/translations/qt_de.qm", False),
        ("libgtk-3.so.0", False),
        ("libX11.so.6", False),
        ("libxcb-cursor.so.0", True),
        ("PIL/_imagingft.cpython-311-x86_64-linux-gnu.so", True),
        ("PIL/_avif.cpython-311-x86_64-linux-gnu.so", False),
        ("python3.11/lib-dynload/_codecs_jp.cpython-311-x86_64-linux-gnu.so", True),
        ("reportlab/fonts/Vera.ttf", True),
        ("cv2\\opencv_videoio_ffmpeg500_64.dll", False),
    ],
)
def test_pruning(place: str, stays: bool) -> None:
    kept, left_out = prune([(place, f"/from/{place}", "BINARY")])
    assert bool(kept) is stays
    assert bool(left_out) is not stays


def test_links_go_with_their_files() -> None:
    entries = [
        ("a/x.so", "/x.so", "BINARY"),
        ("x.so", "a/x.so", "SYMLINK"),
        ("y", "b/y", "SYMLINK"),
        ("a/F/y", "../../b/y", "SYMLINK"),
        ("a/F/Current", "A", "SYMLINK"),  # to a folder, as frameworks of macOS have it
    ]
    assert without_dead_links(entries, {"b/y"}) == [*entries[:2], entries[4]]


@pytest.fixture
def library(tmp_path):
    """Return a function that compiles a library."""
    if sys.platform != "linux" or shutil.which("cc") is None or shutil.which("readelf") is None:
        pytest.skip("needs a C compiler and binutils on Linux")

    def compile_it(name: str, code: str, *linked: Path) -> Path:
        source, made = tmp_path / f"{name}.c", tmp_path / name
        source.write_text(code)
        command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{name}", str(source), "-o", str(made)]
        subprocess.run([*command, *map(str, linked)], check=True)
        return made

    return compile_it


def test_a_stand_in_has_what_is_asked_for_and_nothing_else(library, tmp_path) -> None:
    left_out = library("libgone.so.1", "int asked(void) {return 1;} int unasked(void) {return 2;}")
    user = library("libuser.so.1", "int asked(void); int use(void) {return asked();}", left_out)
    entries = [
        ("lib/libgone.so.1", str(left_out), "BINARY"),
        ("lib/libuser.so.1", str(user), "BINARY"),
        ("elsewhere/libgone.so.1", str(left_out), "BINARY"),
    ]
    replacement = Replacement("a reason", "lib", ("libgone.",), (), "plugins")
    kept, gone = replace_libraries(entries, replacement, tmp_path / "stand-ins")
    assert gone == entries[:1]
    assert [place for place, _, _ in kept] == [place for place, _, _ in entries]
    assert kept[1:] == entries[1:]
    stand_in = ctypes.CDLL(kept[0][1])
    assert hasattr(stand_in, "asked")
    assert not hasattr(stand_in, "unasked")


def test_a_link_to_nothing_is_no_library(library, tmp_path) -> None:
    """What a program asks for and only a dead link offers stops the build."""
    folder = tmp_path / "SpineAlign"
    folder.mkdir()
    gone = library("libgone.so.1", "int asked(void) {return 1;}")
    code = "void abort(void); int asked(void); int use(void) {if (asked()) abort(); return 0;}"
    user = library("libuser.so.1", code, gone)
    user.rename(folder / user.name)
    (folder / gone.name).symlink_to("nowhere")
    with pytest.raises(LookupError, match="libgone"):
        depends(folder)
    (folder / gone.name).unlink()
    gone.rename(folder / gone.name)
    assert depends(folder)[0].startswith("libc6 ")


def test_every_library_that_is_left_to_the_system_has_a_package() -> None:
    unnamed = {name for name in SYSTEM_LIBRARIES if name not in SYSTEM_LIBRARY_NAMES}
    # These are only needed by other libraries of the system, which bring them.
    assert unnamed <= {
        "libXext", "libXdmcp", "libgmodule-2.0", "libsystemd", "libpng16", "libbrotlidec",
        "libbrotlicommon", "libbsd", "libmd", "libpcre2-8", "libmount", "libblkid", "libselinux",
        "libwayland-egl", "libcap", "libgcrypt", "libgpg-error", "liblz4", "libavahi-client",
        "libavahi-common", "libgnutls", "libp11-kit", "libidn2", "libunistring", "libtasn1",
        "libnettle", "libhogweed", "libgmp",
    }  # fmt: skip
    assert all(PACKAGES.values())


def test_the_spec_is_sound_and_leaves_the_right_things_out() -> None:
    tree = ast.parse((ROOT / "build_installer.spec").read_text(encoding="utf-8"))
    excluded = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXCLUDED"
    )
    assert {"tensorflow", "keras", "spinealign.training", "tests", "matplotlib"} <= set(excluded)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    upx = [k.value.value for call in calls for k in call.keywords if k.arg == "upx"]
    assert upx
    assert not any(upx)


def test_every_distribution_has_its_terms() -> None:
    used = distributions()
    names = {found.name for found in used}
    assert {"pydicom", "highdicom", "pynetdicom", "keyring", "PyQt6-Qt6"} <= names
    assert [found.name for found in used if not (found.texts or found.name in NOT_IN_WHEEL)] == []
    for added in NOT_IN_WHEEL.values():
        assert all(len(path.read_text(encoding="utf-8")) > 900 for path, _ in added)


def test_what_a_wheel_tells_of_itself() -> None:
    bill = {
        "components": [
            {"name": "a", "version": "1", "licenses": [{"expression": "MIT OR X11"}]},
            {"name": "b", "licenses": [{"license": {"id": "Zlib"}}], "purl": "pkg:cargo/b"},
            {"name": "c", "version": "3"},
        ]
    }
    assert parts_of_bill(bill) == [
        Inside("a", "1", "MIT OR X11", ""),
        Inside("b", "", "Zlib", "pkg:cargo/b"),
        Inside("c", "3", "", ""),
    ]
    assert parts_of_bill({}) == []


def test_version_and_names() -> None:
    assert IDENTITY.version == __version__
    assert IDENTITY.command_program("linux") == "spinealign"
    names = {IDENTITY.window_program.lower(), IDENTITY.command_program("win32").lower()}
    assert len(names) == 2


def test_the_desktop_entry() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str
    entry.read_string(filled((HERE / "spinealign.desktop").read_text(encoding="utf-8")))
    section = entry["Desktop Entry"]
    assert section["Type"] == "Application"
    assert section["Exec"].split() == ["spinealign", "%F"]
    declared = {kind.get("type") for kind in ElementTree.fromstring(mime_xml())}
    assert set(filter(None, section["MimeType"].split(";"))) == declared
    assert {"application/dicom", "application/x-nifti"} <= declared


def test_the_metainfo_is_dated() -> None:
    name = "org.spinealign.SpineAlign.metainfo.xml"
    text = dated((HERE / name).read_text(encoding="utf-8"), 0)
    release = ElementTree.fromstring(text).find("releases/release")
    assert release is not None
    assert (release.get("version"), release.get("date")) == (__version__, "1970-01-01")


def test_the_manual_page_has_every_command() -> None:
    text = (HERE / "spinealign.1").read_text(encoding="utf-8").replace("\\-", "-")
    described = set(re.findall(r"^\.TP\n\.BI? ([a-z][a-z-]*)", text, re.MULTILINE))
    assert described == set(COMMANDS) - {"train", "package"}  # not in the package


@pytest.mark.parametrize(
    "words",
    [
        "RequestExecutionLevel user",
        "Section /o",
        "/ASSOCIATE",
        "/SD IDOK",
        "QuietUninstallString",
        "Your settings and corrections stay",
        "StopWhileRunning",
    ],
)
def test_the_windows_setup_says(words: str) -> None:
    script = ROOT / "installer" / "windows" / "SpineAlign.nsi"
    assert words in script.read_text(encoding="utf-8")


def test_the_windows_uninstaller_touches_no_user_data() -> None:
    text = (ROOT / "installer" / "windows" / "SpineAlign.nsi").read_text(encoding="utf-8")
    deleting = [line for line in text.splitlines() if re.match(r"\s*(Delete|RMDir) ", line)]
    assert deleting
    assert not [line for line in deleting if "USER_DATA" in line or "APPDATA" in line]
    recursive = [line.split()[-1] for line in deleting if "/r" in line]
    assert recursive == ['"$INSTDIR\\_internal"']


def test_removing_the_debian_package_says_what_stays() -> None:
    words = (HERE / "postrm").read_text(encoding="utf-8")
    assert "~/.config/SpineAlign" in words
    assert "stays" in words
    assert "rm " not in words


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"abc")
    write_sums([file], tmp_path / "SUMS")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (tmp_path / "SUMS").read_text() == f"{known}  a.bin\n"


def test_affine_maps_are_not_refined_by_what_the_package_leaves_out() -> None:
    calls = [
        node
        for path in (ROOT / "spinealign").rglob("*.py")
        if "training" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "cv2.estimateAffine2D"
    ]
    assert calls
    for call in calls:
        [refined] = [word.value for word in call.keywords if word.arg == "refineIters"]
        assert ast.literal_eval(refined) == 0
