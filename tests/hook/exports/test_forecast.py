"""The memory that the final validation will need, forecast at the start of the training."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

from holter.hook.exports.patches import forecast
from holter.hook.runtime import RUNTIME


@pytest.mark.parametrize("cases", [[], ["a"]])
def test_nothing_is_forecast_where_no_case_is_validated_or_its_spacing_is_not_known(
    cases: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(RUNTIME, "emit", lambda *words, **fields: said.append((words, fields)))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"class_locations": {}}))
    trainer = SimpleNamespace(
        dataloader_val=SimpleNamespace(indices=cases),
        preprocessed_dataset_folder=str(tmp_path),
        label_manager=SimpleNamespace(num_segmentation_heads=2, has_regions=False),
        plans_manager=SimpleNamespace(transpose_forward=[0, 1, 2]),
        configuration_manager=SimpleNamespace(spacing=[1.0, 1.0, 1.0]),
    )
    forecast(trainer)
    assert said == []
