"""Generate a small nnU-Net data set with real anatomy: ``python -m holter.demo.dataset --out DIR``.

The MNI152 template (T1 image, grey- and white-matter maps) is part of nilearn's wheel, so nothing is downloaded.
Every case is that one brain with its own random deformation, shading, contrast and noise. It is good enough to
keep a data loader busy, but not for any statement about brains.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

DATASET_ID = 801
DATASET_NAME = "Dataset801_HolterBrain"
DEFAULT_CASES = 10
DEFAULT_SEED = 1

SPACING_MM = 2  # half the template's resolution (1 mm): a patch of 32 voxels holds folds, ventricle and skull edge
CENTRE_MM = (0.0, -18.0, 8.0)  # of the cropped region, in MNI space: basal ganglia and cortex around them
SIDES = (48, 60)  # voxels per side, drawn for each case: small enough for a laptop CPU, and not all equal
BEND_GRID = 5  # control points per side of the deformation; a cubic spline interpolates between them
BEND_MM = 4.0  # standard deviation of a control point: folds move visibly, and none tears
SHADE_RATIO = 0.25  # bias field of a head coil, peak about a quarter
CONTRAST = (0.8, 1.25)  # range of the exponent applied to intensities in 0..1
NOISE_RATIO = 0.03  # of the brightest tissue
BRIGHTEST = 1000  # intensities are stored as small integers, which compress well
TISSUE_THRESHOLD = 0.4  # a voxel is a tissue if its map exceeds this and no other tissue's map is higher

Array = NDArray[np.float32]


class Template(NamedTuple):
    """T1 and tissue maps on a 2 mm grid, intensities 0..1, and the MNI position of voxel (0, 0, 0)."""

    t1: Array
    grey: Array
    white: Array
    origin_mm: NDArray[np.float64]


def load_template() -> Template:
    """Return the MNI152 template of nilearn's wheel, block-averaged to 2 mm."""
    # Imported here: it also imports scikit-learn and pandas, which would slow down ``--help``.
    from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template

    loaders = (load_mni152_template, load_mni152_gm_template, load_mni152_wm_template)
    images = [load(resolution=1) for load in loaders]
    t1, grey, white = (_halve(np.asarray(image.dataobj, dtype=np.float32)) for image in images)
    # The centre of the first 2 mm block is half a fine voxel away from the first fine voxel.
    origin_mm = images[0].affine[:3, 3] + (SPACING_MM - 1) / 2
    return Template(_unit(t1), _unit(grey), _unit(white), origin_mm)


def _halve(volume: Array) -> Array:
    x, y, z = (side // SPACING_MM for side in volume.shape)
    blocks = volume[: x * SPACING_MM, : y * SPACING_MM, : z * SPACING_MM]
    blocks = blocks.reshape(x, SPACING_MM, y, SPACING_MM, z, SPACING_MM)
    mean: Array = blocks.mean(axis=(1, 3, 5), dtype=np.float32)
    return mean


def _unit(volume: Array) -> Array:
    scaled: Array = volume / np.float32(volume.max())
    return scaled


def _smooth_field(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    coarse = rng.standard_normal((BEND_GRID, BEND_GRID, BEND_GRID))
    zoom = [side / BEND_GRID for side in shape]
    field: NDArray[np.float64] = ndimage.zoom(coarse, zoom, order=3, mode="nearest", grid_mode=True)
    return field


def make_case(template: Template, rng: np.random.Generator) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Return one deformed and shaded image and its labels (0 background, 1 grey matter, 2 white matter)."""
    shape = tuple(int(side) for side in rng.integers(SIDES[0], SIDES[1] + 1, size=3))
    start = (np.asarray(CENTRE_MM) - template.origin_mm) / SPACING_MM - np.asarray(shape) / 2
    grid = np.meshgrid(*(np.arange(side) for side in shape), indexing="ij")
    where = np.stack(
        [axis + start[n] + _smooth_field(rng, shape) * (BEND_MM / SPACING_MM) for n, axis in enumerate(grid)]
    )
    t1, grey, white = (
        ndimage.map_coordinates(volume, where, order=1, mode="constant")
        for volume in (template.t1, template.grey, template.white)
    )
    shaded = t1 ** rng.uniform(*CONTRAST) * (1 + SHADE_RATIO * np.tanh(_smooth_field(rng, shape)))
    noisy = shaded + rng.normal(0, NOISE_RATIO, shape)
    image = np.clip(noisy * BRIGHTEST, 0, None).astype(np.int16)
    labels = np.zeros(shape, dtype=np.uint8)
    labels[(grey >= TISSUE_THRESHOLD) & (grey >= white)] = 1
    labels[(white >= TISSUE_THRESHOLD) & (white > grey)] = 2
    return image, labels


def describe(cases: int) -> dict[str, Any]:
    """Return the content of nnU-Net's ``dataset.json``, which states what these images are and are not."""
    return {
        "name": DATASET_NAME,
        "description": (
            "Generated for holter's demonstration: deformed and degraded copies of the MNI152 template "
            "(ICBM 2009a nonlinear symmetric, as shipped with nilearn). Derived from one averaged brain; "
            "not patient data and not fit for any medical or statistical statement."
        ),
        "reference": "https://nilearn.github.io/stable/modules/generated/nilearn.datasets.load_mni152_template.html",
        "channel_names": {"0": "T1"},
        "labels": {"background": 0, "grey matter": 1, "white matter": 2},
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }


def write_dataset(out: Path, *, cases: int = DEFAULT_CASES, seed: int = DEFAULT_SEED) -> Path:
    """Write ``cases`` cases to ``out/Dataset801_HolterBrain``; return it. The same seed gives the same voxels."""
    import nibabel

    template = load_template()
    folder = out / DATASET_NAME
    images, labels = folder / "imagesTr", folder / "labelsTr"
    for place in (images, labels):
        place.mkdir(parents=True, exist_ok=True)
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    for case in range(cases):
        # One random stream per case: the first five of ten cases equal a data set of five.
        image, label = make_case(template, np.random.default_rng((seed, case)))
        nibabel.save(nibabel.Nifti1Image(image, affine), images / f"brain_{case:03d}_0000.nii.gz")
        nibabel.save(nibabel.Nifti1Image(label, affine), labels / f"brain_{case:03d}.nii.gz")
        print(f"case {case + 1}/{cases}", flush=True)
    # Written last: if it exists, the folder is complete.
    (folder / "dataset.json").write_text(json.dumps(describe(cases), indent=2) + "\n")
    return folder


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m holter.demo.dataset", description="generate the demo's images")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets the data set (an nnUNet_raw)")
    parser.add_argument("--cases", type=int, default=DEFAULT_CASES)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    options = parser.parse_args(arguments)
    print(write_dataset(options.out, cases=options.cases, seed=options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
