"""Installing, upgrading and removing the Debian package."""

from __future__ import annotations

import json
import subprocess

from tests.packaged.machine import CT, HOME, PROGRAM_FOLDER, wait_until

PROFILE = f"{HOME}/.config/SpineAlign"


def test_desktop_integration(machine, seen):
    """The desktop knows the program: entry, icon, file kinds, manual."""
    listed = machine.as_root("dpkg", "--listfiles", "spinealign").output.splitlines()
    for place in (
        "/usr/share/applications/spinealign.desktop",
        "/usr/share/icons/hicolor/48x48/apps/spinealign.png",
        "/usr/share/icons/hicolor/scalable/apps/spinealign.svg",
        "/usr/share/mime/packages/spinealign.xml",
        "/usr/share/metainfo/org.spinealign.SpineAlign.metainfo.xml",
        "/usr/share/man/man1/spinealign.1.gz",
        "/usr/share/doc/spinealign/copyright",
        "/usr/share/doc/spinealign/THIRD-PARTY-LICENCES.txt",
    ):
        assert place in listed
    share = machine.at("/usr/share")
    entry, about = share / "applications/spinealign.desktop", listed[0]
    subprocess.run(["desktop-file-validate", str(entry)], check=True)
    metainfo = share / "metainfo/org.spinealign.SpineAlign.metainfo.xml"
    done = subprocess.run(
        ["appstreamcli", "validate", "--no-net", str(metainfo)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert about
    seen("desktop-file-validate and appstreamcli have nothing to say")


def test_upgrade_keeps_settings(machine, package, person, tmp_path, seen):
    """Upgrade over an older version keeps settings and takes its old files away."""
    older = tmp_path / "older"
    subprocess.run(["dpkg-deb", "-R", str(package), str(older)], check=True)
    control = older / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    lines = ["Version: 0.0.1" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(lines) + "\n")
    (older / f"{PROGRAM_FOLDER.lstrip('/')}/_internal/obsolete.txt").write_text("old")
    old_package = machine.at("/tmp/spinealign_0.0.1_amd64.deb")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(older), str(old_package)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    machine.as_root("dpkg", "--remove", "spinealign")
    machine.as_root("dpkg", "--install", f"/tmp/{old_package.name}")
    old_package.unlink()
    with person(CT) as somebody:
        somebody.sees_window("CT_small.*SpineAlign$")
        somebody.presses("o")
        assert somebody.leaves().code == 0
    settings = machine.at(f"{PROFILE}/settings.json")
    chosen = json.loads(settings.read_text())
    machine.as_root("dpkg", "--install", f"/tmp/{package.name}")
    assert not machine.at(f"{PROGRAM_FOLDER}/_internal/obsolete.txt").exists()
    with person(CT) as somebody:
        somebody.sees_window("CT_small.*SpineAlign$")
        assert somebody.leaves().code == 0
    assert json.loads(settings.read_text()) == chosen
    seen(f"show_overlay = {chosen['show_overlay']} before and after; old files gone")


def test_removing_leaves_user_data_and_says_so(machine, package, seen):
    """Removing leaves what users made, and says where it is."""
    corrections = machine.at(f"{HOME}/image.png.spinealign.json")
    corrections.write_text("{}")
    said = machine.as_root("apt-get", "remove", "-q", "-y", "spinealign").output
    try:
        assert not machine.at(PROGRAM_FOLDER).exists()
        assert not machine.at("/usr/bin/spinealign").exists()
        assert machine.at(f"{PROFILE}/settings.json").exists()
        assert corrections.exists()
        sentence = " ".join(line for line in said.splitlines() if "SpineAlign" in line)
        assert "stays" in sentence
    finally:
        machine.as_root("dpkg", "--install", f"/tmp/{package.name}")
    wait_until(machine.at("/usr/bin/spinealign").is_symlink, "the program again")
    seen(f"“{sentence}”")
