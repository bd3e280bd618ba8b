"""A preprocessed data set of a given number of channels and labels, with the plan that nnU-Net makes for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2

PLANS = "nnUNetPlans"
SMOOTH = 8  # voxels between two knots of the smooth part of a volume
NOISE = 0.15  # of the smooth part's deviation: as compressible as resampled CT
LOCATIONS = 10_000  # voxels of a class that nnU-Net's preprocessing keeps
FOREGROUND = 0.6  # quantile above which voxels have a label


class Size(NamedTuple):
    """Sizes of images, patches and network."""

    shape: tuple[int, ...]
    patch: tuple[int, ...]
    features: tuple[int, ...]
    cases: int
    batch: int = 2


FULL = Size((220, 400, 400), (128, 128, 128), (32, 64, 128, 256, 320, 320), 5)
FULL_2D = Size((60, 360, 240), (256, 160), (32, 64, 128, 256, 512, 512), 20, 79)
TINY = Size((40, 44, 48), (24, 24, 24), (4, 8, 8), 5)
TINY_2D = Size((12, 44, 48), (24, 24), (4, 8, 8), 5, 4)


class Case(NamedTuple):
    """One row of the table."""

    channels: int
    labels: int  # including background
    configuration: str = "3d_fullres"  # or 2d

    @property
    def name(self) -> str:
        """Name in the table."""
        return f"{'2D, ' if self.is_2d else ''}{self.channels} channels, {self.labels} labels"

    @property
    def is_2d(self) -> bool:
        """Whether slices are trained, not volumes."""
        return self.configuration == "2d"

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        number = 900 + 10 * self.channels + (self.labels > 9) + 2 * self.is_2d
        return f"Dataset{number}_Channels{self.channels}Labels{self.labels}{'In2D' if self.is_2d else ''}"


def write(root: Path, case: Case, size: Size) -> None:
    """Write everything that a training needs in ``nnUNet_preprocessed``."""
    base = root / case.dataset
    folder = base / f"{PLANS}_{case.configuration}"
    folder.mkdir(parents=True)
    names = [f"case_{number:03d}" for number in range(size.cases)]
    for number, name in enumerate(names):
        _write_case(folder / name, case, size, number)
    described = {
        "channel_names": {str(channel): f"channel{channel}" for channel in range(case.channels)},
        "labels": {"background": 0, **{f"label{label}": label for label in range(1, case.labels)}},
        "numTraining": size.cases,
        "file_ending": ".nii.gz",
    }
    splits = [{"train": names[:-1], "val": names[-1:]}]
    for file, content in (
        ("dataset.json", described),
        (f"{PLANS}.json", plans(case, size)),
        ("splits_final.json", splits),
        ("dataset_fingerprint.json", {}),
    ):
        (base / file).write_text(json.dumps(content))


def plans(case: Case, size: Size) -> dict[str, Any]:
    """Return plans as nnU-Net's planner writes them, with a network for these patches."""
    stages, axes = len(size.features), len(size.patch)
    network = {
        "n_stages": stages,
        "features_per_stage": list(size.features),
        "conv_op": f"torch.nn.modules.conv.Conv{axes}d",
        "kernel_sizes": [[3] * axes] * stages,
        "strides": [[1] * axes] + [[2] * axes] * (stages - 1),
        "n_conv_per_stage": [2] * stages,
        "n_conv_per_stage_decoder": [2] * (stages - 1),
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{axes}d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    resampling = {
        f"resampling_fn_{what}{suffix}": value
        for what in ("data", "seg", "probabilities")
        for suffix, value in (("", "resample_data_or_seg_to_shape"), ("_kwargs", {"is_seg": what == "seg", "order": 1}))
    }
    configuration = {
        "data_identifier": f"{PLANS}_{case.configuration}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": size.batch,
        "patch_size": list(size.patch),
        "median_image_size_in_voxels": list(size.shape[-axes:]),
        "spacing": [1.0] * axes,
        "normalization_schemes": ["ZScoreNormalization"] * case.channels,
        "use_mask_for_norm": [False] * case.channels,
        **resampling,
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": network,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": case.is_2d,
    }
    return {
        "dataset_name": case.dataset,
        "plans_name": PLANS,
        "original_median_spacing_after_transp": [1.0, 1.0, 1.0],
        "original_median_shape_after_transp": list(size.shape),
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {case.configuration: configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {},
    }


def _write_case(file: Path, case: Case, size: Size, number: int) -> None:
    draw = torch.Generator().manual_seed(number)
    knots = torch.randn([1, 1, *(-(-extent // SMOOTH) for extent in size.shape)], generator=draw)
    smooth = torch.nn.functional.interpolate(knots, size=size.shape, mode="trilinear")[0]
    image = torch.cat(
        [smooth + NOISE * torch.randn(smooth.shape, generator=draw) for _ in range(case.channels)]
    ).numpy()
    cuts = np.quantile(smooth[:, ::4, ::4, ::4].numpy(), np.linspace(FOREGROUND, 1, case.labels + 1)[1:-1])
    seg = np.digitize(smooth.numpy(), cuts).astype(np.int8)
    locations = {label: _some(np.argwhere(seg == label)) for label in range(1, case.labels)}
    blocks, chunks = comp_blosc2_params(image.shape, size.patch, image.itemsize)
    nnUNetDatasetBlosc2.save_case(
        image, seg, {"class_locations": locations}, str(file), chunks=chunks, blocks=blocks
    )  # fmt: skip


def _some(voxels: np.ndarray[Any, Any]) -> Sequence[Any] | np.ndarray[Any, Any]:
    if not len(voxels):
        return []
    chosen: np.ndarray[Any, Any] = voxels[
        np.random.default_rng(0).choice(len(voxels), min(len(voxels), LOCATIONS), replace=False)
    ]
    return chosen
