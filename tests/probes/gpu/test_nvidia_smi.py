"""The licence as ``nvidia-smi -q`` prints it, old and new."""

from __future__ import annotations

import pytest

from holter.probes.gpu.nvidia_smi import PrintedLicence, licence_stage, parse

TWO_GPUS = """
==============NVSMI LOG==============

Driver Version                            : 535.161.08

Attached GPUs                             : 2
GPU 00000002:00:00.0
    Product Name                          : NVIDIA A10-24Q
    GPU UUID                              : GPU-aaaa
    GPU Virtualization Mode
        Virtualization Mode               : VGPU
        Host VGPU Mode                    : N/A
    vGPU Software Licensed Product
        Product Name                      : NVIDIA RTX Virtual Workstation
        License Status                    : Unlicensed (Restricted)
    FB Memory Usage
        Total                             : 24512 MiB

GPU 00000003:00:00.0
    Product Name                          : Tesla T4
    GPU UUID                              : GPU-bbbb
    GPU Virtualization Mode
        Virtualization Mode               : Pass-Through
    GRID Licensed Product
        Product Name                      : GRID Virtual Applications
        License Status                    : Licensed
"""


def test_each_gpu_has_its_own_block() -> None:
    assert parse(TWO_GPUS) == (
        PrintedLicence("GPU-aaaa", "VGPU", "NVIDIA RTX Virtual Workstation", "Unlicensed (Restricted)"),
        PrintedLicence("GPU-bbbb", "Pass-Through", "GRID Virtual Applications", "Licensed"),
    )


def test_the_product_of_the_card_is_not_the_product_of_the_licence() -> None:
    assert "NVIDIA A10-24Q" not in [block.product for block in parse(TWO_GPUS)]


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("Licensed", "licensed"),
        ("Licensed (Expiry: N/A)", "licensed"),
        ("Licensed (Expiry: 2023-7-23 13:17:27 GMT)", "licensed"),
        ("Unlicensed (Unrestricted)", "unlicensed-unrestricted"),
        ("Unlicensed (Restricted)", "unlicensed-restricted"),
        ("Unlicensed", "unlicensed"),
        ("unlicensed (RESTRICTED) ", "unlicensed-restricted"),
        ("Unknown", "unknown"),
        ("Acquiring", "unknown"),
    ],
)
def test_the_words_and_their_stages(status: str, stage: str) -> None:
    assert licence_stage(status) == stage


def test_a_licence_that_is_not_available_is_no_licence_section() -> None:
    text = TWO_GPUS.replace("Unlicensed (Restricted)", "N/A").replace("NVIDIA RTX Virtual Workstation", "N/A")
    first = parse(text)[0]
    assert (first.product, first.status, first.stage) == (None, None, None)


@pytest.mark.parametrize(
    "text", ["", "No devices were found\n", "NVIDIA-SMI has failed", "GPU 0\n", "    : x\nGPU 1\n  a : b"]
)
def test_text_without_a_licence_accuses_nobody(text: str) -> None:
    assert all(block.stage is None for block in parse(text))


def test_a_text_cut_off_anywhere_is_read_as_far_as_it_goes() -> None:
    whole = parse(TWO_GPUS)
    for length in range(len(TWO_GPUS)):
        for found, full in zip(parse(TWO_GPUS[:length]), whole, strict=False):
            assert found.stage in (None, "unknown", "unlicensed", full.stage)
