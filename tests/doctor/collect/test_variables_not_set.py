"""All variables that are missing are named in one block, to copy it."""

from __future__ import annotations

import pytest

from holter.doctor.collect.question import Asked, find
from holter.errors import BadInput


def test_the_next_step_sets_every_variable_that_is_missing() -> None:
    with pytest.raises(BadInput) as refused:
        find("4", Asked(configuration="2d"), {"nnUNet_raw": "/data/raw"})
    assert refused.value.next_step == (
        "export nnUNet_preprocessed=/path/to/nnUNet_preprocessed\nexport nnUNet_results=/path/to/nnUNet_results"
    )
