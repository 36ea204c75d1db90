"""A synthetic sagittal T2 picture of a lumbar spine with known structures.

It lets the program show itself without any patient's data. ``python -m
tools.phantoms.lumbar OUT_DIR`` writes the shipped sample again, byte for byte.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.phantoms.dicom_writer import dicom_object, write_sample
from tools.phantoms.lumbar_anatomy import (
    SIDE_PX,
    VERTEBRAE,
    Anatomy,
    Field,
    Level,
    PhantomDisc,
    blob,
    coverage,
)

SHIPPED_SEED = 11
DICOM_NAME = "lumbar_phantom.dcm"
MASK_NAME = "truth_mask.png"
CLASSES = {1: "vertebra", 2: "disc", 3: "canal"}
"""Meaning of the truth mask's values; 0 is background."""

_BONE_EDGE, _MARROW, _CSF, _FAT = 0.07, 0.40, 1.0, 0.86


@cache
def render_lumbar_phantom(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Render the phantom; equal seeds give the same pictures, rendered once.

    Parameters
    ----------
    seed : int
        Of marrow texture, nerve roots, bowel and noise; the shapes stay.

    Returns
    -------
    pixels : ndarray of uint8, shape (512, 512)
        T2-like picture, 0.6 mm a pixel, anterior to the left.
    mask : ndarray of uint8, shape (512, 512)
        Truth: 1 vertebra (with spinous process, sacrum not), 2 disc, 3 canal.
    """
    anatomy, rng = Anatomy(), np.random.default_rng(seed)
    picture = _soft_tissue(anatomy, rng)
    picture = _dural_sac(anatomy, rng, picture)
    grain = 1 + 0.08 * _texture(rng, 1.5)
    for disc in anatomy.discs:
        picture = _disc(anatomy, grain, picture, disc)
    marrow = _marrow(rng)
    for level in anatomy.levels:
        picture = _vertebra(anatomy, marrow, picture, level)
    pixels, mask = _acquire(anatomy, rng, picture), _truth(anatomy)
    for shared in (pixels, mask):
        shared.setflags(write=False)
    return pixels, mask


def _lay(picture: Field, colour: Field | float, cover: Field) -> Field:
    return picture * (1 - cover) + colour * cover


def _texture(rng: np.random.Generator, sigma_px: float, stretch: float = 1.0) -> Field:
    """Gaussian-filtered noise (H, W) of unit variance; `stretch` lengthens it downwards."""
    frequency = np.fft.fftfreq(SIDE_PX)
    gain = np.exp(
        -2 * (np.pi * sigma_px) ** 2 * ((frequency[:, None] * stretch) ** 2 + frequency**2)
    )
    noise: Field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIDE_PX, SIDE_PX))) * gain).real
    return np.asarray(noise / noise.std())


def _soft_tissue(anatomy: Anatomy, rng: np.random.Generator) -> Field:
    """Everything but spine and canal: abdomen, muscles and ligaments, fat, skin, air."""
    picture = 0.28 + 0.07 * _texture(rng, 9) + 0.04 * _texture(rng, 2.5)
    picture = _abdomen(anatomy, rng, picture)
    picture = _back(anatomy, rng, picture)
    return _lay(picture, 0.0, coverage(-anatomy.skin))


def _abdomen(anatomy: Anatomy, rng: np.random.Generator, picture: Field) -> Field:
    """Bowel, a flow void in front of the bodies, and a strip of fat before the spine."""
    ahead = -anatomy.behind_wall - np.interp(anatomy.y, anatomy.canal_y, _depths(anatomy))
    bowel = _texture(rng, 16)
    picture = _lay(picture, 0.7, 0.8 * np.clip(1.5 * bowel - 0.6, 0, 1))
    picture = _lay(picture, 0.02, 0.9 * np.clip(-bowel - 1.1, 0, 1))
    ends = np.clip((anatomy.levels[5].centre_mm[1] - anatomy.y) / 14, 0, 1)
    wander = 6.0 + 2.5 * np.sin(anatomy.y / 31) + 1.2 * _texture(rng, 14)
    vessel = 7.0 + 1.0 * np.sin(anatomy.y / 23) - np.abs(ahead - wander - 7.5)
    picture = _lay(picture, 0.4, 0.5 * coverage((vessel + 2.5) / 4) * ends)
    picture = _lay(picture, 0.07, np.clip(0.5 + vessel / 1.5, 0, 1) * ends)
    presacral = np.clip((anatomy.y - anatomy.levels[6].centre_mm[1] - 8) / 20, 0, 1)
    fat = 0.55 + 0.07 * _texture(rng, 3) + 0.08 * _texture(rng, 8)
    picture = _lay(picture, fat, 0.8 * presacral * coverage(14 - np.abs(ahead - 12)))
    strip = coverage(np.minimum(ahead + 4, 4.5 + 1.2 * np.sin(anatomy.y / 17) - ahead))
    return _lay(picture, 0.5 + 0.08 * _texture(rng, 2), 0.85 * strip)


def _depths(anatomy: Anatomy) -> Field:
    return np.array([level.depth_mm for level in anatomy.levels])


def _back(anatomy: Anatomy, rng: np.random.Generator, picture: Field) -> Field:
    """Ligaments between the processes, epidural fat, and the fat under the skin."""
    behind = anatomy.behind_wall - anatomy.sac_front - anatomy.sac_width
    fascicles = _texture(rng, 1.3, 3.5) + 0.8 * _texture(rng, 5)
    streaks = 0.15 + 0.13 * np.clip(fascicles, -0.8, 4) + 0.1 * np.clip(fascicles - 1, 0, 3)
    picture = _lay(picture, np.clip(streaks, 0.04, 0.8), coverage(anatomy.behind_wall + 4))
    for disc in anatomy.discs[:7]:
        picture = _lay(picture, _FAT, _epidural_fat(anatomy, disc, behind))
    sacral = np.clip((anatomy.y - anatomy.levels[7].centre_mm[1] + 12) / 10, 0, 1)
    in_canal = coverage(np.minimum(anatomy.behind_wall - 0.5, 13 - anatomy.behind_wall))
    picture = _lay(picture, 0.8 * _FAT, in_canal * sacral)
    flesh = np.interp(anatomy.y, [0, 90, 150, 205, 240, 310], [31, 36, 36, 31, 17, 12])
    under_skin = coverage(behind - flesh)
    septa = 1 - 0.3 * np.exp(-((_texture(rng, 3, 2.0) / 0.16) ** 2))
    picture = _lay(picture, _FAT * septa * (1 + 0.06 * _texture(rng, 3)), under_skin)
    picture = _lay(picture, 0.05, 0.9 * coverage(1.3 - np.abs(behind - flesh)))
    return _lay(picture, 0.5, coverage(1.8 - np.abs(anatomy.skin - 1.8)))


def _epidural_fat(anatomy: Anatomy, disc: PhantomDisc, behind: Field) -> Field:
    """Cover of the triangle of fat behind the sac, above each lamina."""
    frame = disc.frame
    _, down = anatomy.local(frame)
    middle = -4.0 - 0.35 * behind
    half_height = np.clip(11.0 - 1.2 * np.clip(behind, 0, 9), 0.5, 11.0)
    inside = np.minimum(np.minimum(behind - 0.2, 8.0 - behind), half_height - np.abs(down - middle))
    return coverage(inside)


def _dural_sac(anatomy: Anatomy, rng: np.random.Generator, picture: Field) -> Field:
    """Bright fluid with the cord down to L1/L2 and the nerve roots below it."""
    depth = anatomy.behind_wall - anatomy.sac_front
    picture = _lay(picture, 0.06, 0.85 * coverage(anatomy.sac + 1.1))
    fluid = _CSF * (1 + 0.02 * _texture(rng, 4))
    share = depth / np.maximum(anatomy.sac_width, 1)
    tip = anatomy.discs[2].frame.centre_mm[1] - 4
    picture = _lay(picture, _roots(anatomy, rng, fluid, share, tip), coverage(anatomy.sac))
    half_cord = 3.9 * np.clip((tip - anatomy.y) / 26, 0, 1) ** 0.6
    middle = anatomy.sac_width * (0.5 + 0.08 * np.clip((anatomy.y - tip + 30) / 30, 0, 1))
    cord = coverage(half_cord - np.abs(depth - middle)) * (half_cord > 0.2)
    return _lay(picture, 0.5 + 0.02 * _texture(rng, 2), cord)


def _roots(
    anatomy: Anatomy, rng: np.random.Generator, fluid: Field, share: Field, tip_mm: float
) -> Field:
    """Darken the posterior half of the fluid below the conus by thin strands."""
    below = np.clip((anatomy.y - tip_mm + 12) / 16, 0, 1)
    for start in 0.9 - 0.5 * rng.uniform(0, 1, 7) ** 1.5:
        phase, drift = rng.uniform(0, 6.3), rng.uniform(-0.0022, 0.0012)
        place = start + drift * (anatomy.y - tip_mm) + 0.025 * np.sin(anatomy.y / 19 + phase)
        strand = np.exp(-(((share - place) * anatomy.sac_width / 0.65) ** 2))
        fluid = fluid * (1 - rng.uniform(0.12, 0.4) * strand * below)
    return fluid


def _disc(anatomy: Anatomy, grain: Field, picture: Field, disc: PhantomDisc) -> Field:
    """Dark annulus, a nucleus as bright as its hydration, and the cleft inside it."""
    back, down = anatomy.local(disc.frame)
    half = (disc.frame.depth_mm * (0.2 if disc.is_remnant else 0.31), disc.gap_mm * 0.5 + 1.2)
    nucleus = np.clip(0.5 + blob(back - 1.0, down, half, 2) / 2.6, 0, 1)
    cleft = np.exp(-((down / 1.1) ** 2)) * np.clip(1.1 - np.abs(back / half[0]), 0, 1)
    bright = 0.10 + 0.62 * disc.hydration * (1 - 0.35 * cleft) * grain
    return _lay(picture, _lay(0.09 + 0 * back, bright, nucleus), coverage(anatomy.disc(disc)))


def _marrow(rng: np.random.Generator) -> Field:
    """Mottled marrow with a few fatty islands."""
    marrow = _MARROW * (1 + 0.09 * _texture(rng, 1.1) + 0.07 * _texture(rng, 5))
    return _lay(marrow, 1.3 * marrow, 0.8 * np.clip(_texture(rng, 6) - 1.2, 0, 1))


def _vertebra(anatomy: Anatomy, marrow: Field, picture: Field, level: Level) -> Field:
    """Marrow inside a dark cortex, with the vein at the back; then the spinous process."""
    distance = anatomy.body(level)
    picture = _lay(picture, _BONE_EDGE, coverage(distance + 0.5))
    back, down = anatomy.local(level)
    vein = blob(back - level.depth_mm / 2 + 3.5, down, (5.0, 1.5), 2)
    inner = _lay(marrow, 0.66, 0.8 * np.clip(0.5 + vein / 1.4, 0, 1))
    picture = _lay(picture, inner, coverage(distance - 0.7))
    if level.name not in VERTEBRAE:
        return picture
    process = anatomy.spinous(level)
    picture = _lay(picture, _BONE_EDGE, coverage(process + 0.7))
    return _lay(picture, 1.05 * marrow, coverage(process - 0.7))


def _acquire(anatomy: Anatomy, rng: np.random.Generator, picture: Field) -> NDArray[np.uint8]:
    """Add what the scanner adds: surface coil, saturation band, blur, noise, 8 bits."""
    coil = 0.32 + 0.68 * np.exp(-np.clip(anatomy.skin, 0, None) / 95)
    ends = 1 - 0.35 * np.clip((np.abs(anatomy.y - 150) - 95) / 60, 0, 1) ** 2
    ahead = -anatomy.behind_wall - np.interp(anatomy.y, anatomy.canal_y, _depths(anatomy))
    saturation = 1 - 0.6 / (1 + np.exp(-(ahead - 24) / 5))
    signal = _blur(picture * coil * ends * saturation, 0.75)
    real, imaginary = 0.022 * rng.standard_normal((2, SIDE_PX, SIDE_PX))
    magnitude = np.hypot(signal + real, imaginary)
    return np.asarray(np.clip(np.round(magnitude * 255 / 0.95), 0, 255), np.uint8)


def _blur(picture: Field, sigma_px: float) -> Field:
    frequency = np.fft.fftfreq(SIDE_PX)
    gain = np.exp(-2 * (np.pi * sigma_px * frequency) ** 2)
    blurred: Field = np.fft.ifft2(np.fft.fft2(picture) * gain[:, None] * gain).real
    return blurred


def _truth(anatomy: Anatomy) -> NDArray[np.uint8]:
    """Label the pixels by the same shapes that were drawn."""
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    mask[anatomy.sac > 0] = 3
    for disc in anatomy.discs[: len(VERTEBRAE)]:
        mask[anatomy.disc(disc) > 0] = 2
    for level in anatomy.levels:
        is_counted = level.name in VERTEBRAE
        mask[anatomy.body(level) > 0] = 1 if is_counted else 0
        if is_counted:
            mask[anatomy.spinous(level) > 0] = 1
    return mask


def write_lumbar_phantom(folder: Path, seed: int = SHIPPED_SEED) -> tuple[Path, Path]:
    """Write the phantom as a DICOM MR image and its truth mask as a PNG.

    Everything in the files is fixed by `seed`: identifiers, dates, pixels.

    Parameters
    ----------
    folder : Path
        Made if missing; files of the same names are replaced.
    seed : int
        See `render_lumbar_phantom`.

    Returns
    -------
    image, mask : tuple of Path
        The two files written.
    """
    pixels, mask = render_lumbar_phantom(seed)
    image = dicom_object(pixels, seed)
    return write_sample(folder, (DICOM_NAME, MASK_NAME), image, mask)


def main(arguments: list[str]) -> int:
    """Write the shipped sample into the folder named; return the exit status."""
    if len(arguments) != 1:
        print("usage: python -m tools.phantoms.lumbar OUT_DIR", file=sys.stderr)
        return 2
    for path in write_lumbar_phantom(Path(arguments[0])):
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
