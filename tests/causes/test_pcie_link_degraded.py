"""pcie-link-degraded: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.circumstances import SLOWER
from causes.judge import judged
from causes.laws import ConfirmedLaws, LookAlike


class TestPcieLinkDegraded(ConfirmedLaws):
    cause = "pcie-link-degraded"
    confirmed_by = {
        "episode.kind": "slow-down", "wait.ratio": 0.02, "gpu.throttled": False, "gpu.shared": ...,
        "step.times_usual": 8.0, "gpu.utilization_ratio": 1.0, "gpu.present": True, "gpu.licence_stage": ...,
        "plan.configuration": "3d_fullres", "software.slow_kernels": "none", "gpu.mig": False, "predict.on_cpu": ...,
        "gpu.pcie_ratio": 0.06, "gpu.pcie_busy_ratio": 0.9,
    }  # fmt: skip
    look_alikes = (
        # Eight lanes are how many boards are built; and a GPU that hardly uses its link does not wait for it.
        LookAlike({"gpu.pcie_ratio": 0.5}),
        LookAlike({"gpu.pcie_busy_ratio": 0.05}),
    )  # fmt: skip


@pytest.mark.parametrize(("busy", "verdict"), [(0.01, "excluded"), (0.3, "possible"), (0.9, "confirmed")])
def test_a_board_with_four_lanes_is_no_fault_while_its_link_is_hardly_used(busy, verdict):
    found = judged(**SLOWER, gpu__throttled=False, gpu__shared=..., gpu__pcie_ratio=0.25, gpu__pcie_busy_ratio=busy)
    assert found["pcie-link-degraded"].verdict == verdict
