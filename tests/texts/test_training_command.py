"""What a training command says, with options of ours among nnU-Net's."""

from __future__ import annotations

import pytest

from holter.texts.training_command import parse_training_command


@pytest.mark.parametrize("ours", [("--loader", "stock"), ("--loader=holter",), ("--strict", "--loader", "holter")])
def test_options_of_ours_are_not_taken_for_the_data_set(ours: tuple[str, ...]) -> None:
    nnunets = ("4", "3d_fullres", "0", "-tr", "A", "--c")
    parsed = parse_training_command(("python", "-m", "holter.trainer.entry", *ours, *nnunets))
    assert parsed is not None
    told = (parsed.dataset, parsed.configuration, parsed.fold, parsed.trainer, parsed.continued)
    assert told == ("4", "3d_fullres", "0", "A", True)
