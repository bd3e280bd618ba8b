"""The fused kernel against the CPU: on a GPU, or in Triton's interpreter, on smaller patches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from needs import needs

pytestmark = [pytest.mark.slow, needs("triton")]
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def compared() -> list[dict[str, Any]]:
    """What compare_fused.py prints."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))}
    if not torch.cuda.is_available():
        variables["TRITON_INTERPRET"] = "1"
    command = [sys.executable, "-m", "transforms.compare_fused"]
    done = subprocess.run(command, env=variables, cwd=TESTS, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_fused_kernel_votes_as_the_sampler_of_the_cpu(compared: list[dict[str, Any]]) -> None:
    assert len(compared) >= 24
    # The interpreter rounds a fused multiply-add twice, which can tip a vote.
    assert [case for case in compared if case["labels"] > (0 if case["on_gpu"] else 1e-3)] == []


def test_the_fused_kernel_interpolates_as_the_sampler_of_the_cpu(compared: list[dict[str, Any]]) -> None:
    interpolated = [case for case in compared if case["modes"][0] == "bilinear"]
    assert len(interpolated) >= 16
    assert [case for case in interpolated if case["image"] > 1e-4] == []
