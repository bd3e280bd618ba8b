"""The versions of nnU-Net, each with the packages of its time or the newest that it allows."""

from __future__ import annotations

from dataclasses import dataclass

from holter.errors import BadInput

# Since PyTorch 2.6 a checkpoint with numpy's numbers is loaded only if asked for; older nnU-Nets do not ask.
LOADS_CHECKPOINTS = (("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1"),)
OF_2023 = ("dynamic-network-architectures==0.2", "acvl-utils==0.2", "batchgenerators==0.25")
TRAIN = "nnUNetv2_train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One nnU-Net, and what it needs beside the packages that all of them share."""

    name: str
    packages: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    note: str = ""
    quick: bool = False


VERSIONS = (
    Version(
        name="2.1.2",
        packages=("nnunetv2==2.1.2", *OF_2023),
        variables=LOADS_CHECKPOINTS,
        note="2.1.1 is not on the package index any more",
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
        packages=(
            "nnunetv2==2.5.2",
            "dynamic-network-architectures==0.3.1",
            "acvl-utils==0.2",
            "batchgenerators==0.25.1",
            "batchgeneratorsv2==0.2.1",
            "fft-conv-pytorch",
        ),
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
        ),
    ),
    Version(
        name="newest",
        packages=("nnunetv2", "dynamic-network-architectures", "acvl-utils", "batchgenerators", "batchgeneratorsv2"),
        quick=True,
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
