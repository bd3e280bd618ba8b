"""The versions of nnU-Net, each with the packages of its time or the newest that it allows; and its forks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from holter.errors import BadInput

# Since PyTorch 2.6 a checkpoint with numpy's numbers is loaded only if asked for; older nnU-Nets do not ask.
LOADS_CHECKPOINTS = (("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1"),)
OF_2023 = ("dynamic-network-architectures==0.2", "acvl-utils==0.2", "batchgenerators==0.25")
OF_2024 = (
    "dynamic-network-architectures==0.3.1",
    "acvl-utils==0.2",
    "batchgenerators==0.25.1",
    "batchgeneratorsv2==0.2.1",
    "fft-conv-pytorch",
)
STOCK = ("nnunetv2.training.nnUNetTrainer.nnUNetTrainer", "nnUNetTrainer")


class Source(NamedTuple):
    """A fork that is on no package index: a public repository at one commit."""

    repository: str  # on GitHub
    commit: str
    folder: str = "."  # of its package

    @property
    def name(self) -> str:
        """Name of the folder that holds its files."""
        return self.repository.rpartition("/")[2]


class Words(NamedTuple):
    """A remark for the table, in both languages of the documentation."""

    en: str = ""
    zh: str = ""


NOTHING = Words()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One nnU-Net, and what it needs beside the packages that all of them share."""

    name: str
    packages: tuple[str, ...]
    source: Source | None = None
    variables: tuple[tuple[str, str], ...] = ()
    generation: Literal[1, 2] = 2
    distribution: str = "nnunetv2"  # its name as an installed package
    package: str = "nnunetv2"  # as it is imported
    prefix: str = "nnUNetv2_"  # of its commands
    trainer: tuple[str, str] = STOCK  # module and class that are trained
    patch: int = 24  # voxels of a side; names and actions are measured, not times
    folders: str | None = None  # of its data, beside its package, if its code names them and not the variables
    remark: Words = NOTHING
    quick: bool = False

    def command(self, name: str) -> str:
        """Return the name of one of its commands."""
        return f"{self.prefix}{name}"


VERSIONS = (
    Version(
        name="2.1.2",
        packages=("nnunetv2==2.1.2", *OF_2023),
        variables=LOADS_CHECKPOINTS,
        remark=Words("2.1.1 is not on the package index any more", "2.1.1 已不在包索引里"),
        quick=True,
    ),
    Version(name="2.2.1", packages=("nnunetv2==2.2.1", *OF_2023), variables=LOADS_CHECKPOINTS),
    Version(
        name="2.4.2",
        packages=("nnunetv2==2.4.2", "dynamic-network-architectures==0.3.1", *OF_2023[1:]),
        variables=LOADS_CHECKPOINTS,
    ),
    Version(
        name="2.5.2",
        packages=("nnunetv2==2.5.2", *OF_2024),
        variables=LOADS_CHECKPOINTS,
        quick=True,
    ),
    Version(
        name="2.6.4",
        packages=(
            "nnunetv2==2.6.4",
            "dynamic-network-architectures==0.4.1",
            "acvl-utils==0.2.5",
            "batchgenerators==0.25.1",
            "batchgeneratorsv2==0.3.0",
            "fft-conv-pytorch",
        ),
    ),
    Version(
        name="2.7.0",
        packages=(
            "nnunetv2==2.7.0",
            "dynamic-network-architectures==0.4.3",
            "acvl-utils==0.2.6",
            "batchgenerators==0.25.5",
            "batchgeneratorsv2==0.3.2",
            "fft-conv-pytorch",
        ),
    ),
    Version(
        name="2.8.1",
        packages=(
            "nnunetv2==2.8.1",
            "dynamic-network-architectures==0.4.4",
            "acvl-utils==0.2.6",
            "batchgenerators==0.25.5",
            "batchgeneratorsv2==0.3.3",
            "fft-conv-pytorch",
        ),
    ),
    Version(
        name="newest",
        packages=("nnunetv2", "dynamic-network-architectures", "acvl-utils", "batchgenerators", "batchgeneratorsv2"),
        quick=True,
    ),
    Version(
        name="1.7.1",
        packages=("nnunet==1.7.1", "batchgenerators==0.25", "medpy"),
        variables=LOADS_CHECKPOINTS,
        generation=1,
        distribution="nnunet",
        package="nnunet",
        prefix="nnUNet_",
        trainer=("nnunet.training.network_training.nnUNetTrainerV2", "nnUNetTrainerV2"),
    ),
    Version(
        name="MedNeXt",
        packages=("nnunet==1.7.1", "batchgenerators==0.25", "medpy"),  # its planner imports nnunet
        source=Source("MIC-DKFZ/MedNeXt", "0b78ed869fbd1cc2fd38754d2f8519f1b72d43ba"),
        variables=LOADS_CHECKPOINTS,
        generation=1,
        distribution="mednextv1",
        package="nnunet_mednext",
        prefix="mednextv1_",
        trainer=(
            "nnunet_mednext.training.network_training.MedNeXt.nnUNetTrainerV2_MedNeXt",
            "nnUNetTrainerV2_MedNeXt_S_kernel3",
        ),
        patch=32,  # its network halves five times
        remark=Words("a copy of 1.7.0", "1.7.0 的副本"),
    ),
    Version(
        name="U-Mamba",
        packages=OF_2023,
        source=Source("bowang-lab/U-Mamba", "28459e33ca03769800dd35e23c6e62491d1925b5", "umamba"),
        variables=LOADS_CHECKPOINTS,
        folders="../data",
        remark=Words(
            "its nnU-Net with the stock network: the package mamba_ssm of its own needs a GPU to be built",
            "用它的 nnU-Net 和原版网络：它自己的网络要用的 mamba_ssm 没有 GPU 装不上",
        ),
    ),
    Version(
        name="Skeleton-Recall",
        packages=OF_2024,
        source=Source("MIC-DKFZ/Skeleton-Recall", "f259f63cbbb38fb397e135c292b24996c8df11b6"),
        variables=LOADS_CHECKPOINTS,
        trainer=(
            "nnunetv2.training.nnUNetTrainer.variants.loss.nnUNetTrainerSkeletonRecall",
            "nnUNetTrainerSkeletonRecall",
        ),
        remark=Words("its own trainer and loss", "用它自己的训练器和损失函数"),
    ),
)


def find(name: str) -> Version:
    """Return the version of that name.

    Raises:  BadInput.
    """
    for version in VERSIONS:
        if version.name == name:
            return version
    names = ", ".join(version.name for version in VERSIONS)
    raise BadInput(f"there is no version {name!r}, only {names}", next_step="python -m benchmarks.compatibility --list")
