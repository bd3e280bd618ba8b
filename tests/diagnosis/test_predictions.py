"""The console of nnUNetv2_predict: the all-clear is for a whole one that ended well, and for no other."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.errors import NotALog

HEADER = (
    "\n#######\nPlease cite the following paper when using nnU-Net:\nIsensee, F., et al. (2021). nnU-Net.\n#######\n\n"
)
ASKED = (
    "There are 3 cases in the source folder\nI am process 0 out of 1 (max process ID is 0, we start counting with 0!)\n"
    "There are 3 cases that I would like to predict\n"
)
WAITS = "GPU prediction completed. Waiting for remaining segmentation exports to finish...\n"
EXPORTED = "Segmentation export complete.\n"
CUT = "\nPredicting case_002:\nperform_everything_on_device: True\n  8%|8         | 1/12 [00:00<00:03,  3.41it/s]\n"
OUT_OF_MEMORY = (
    'Traceback (most recent call last):\n  File "/x/nnunetv2/inference/predict_from_raw_data.py", line 3, in predict\n'
    "    main()\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
)


def case(number: int) -> str:
    return (
        f"\nPredicting case_{number:03d}:\nperform_everything_on_device: True\n"
        "100%|##########| 12/12 [00:03<00:00,  3.41it/s]\n"
        f"sending off prediction to background worker for resampling and export\ndone with case_{number:03d}\n"
    )


ALL = "".join(map(case, range(3)))


@pytest.mark.parametrize("text", [HEADER + ASKED + ALL, ASKED + ALL, HEADER + ASKED + ALL + WAITS + EXPORTED])
def test_a_whole_prediction_gets_the_all_clear(text: str) -> None:
    result = read_pasted(io.BytesIO(text.encode()), "console.txt")
    assert result.diagnoses == ()
    assert result.notes[-1].key == "target.predicted"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (HEADER + ASKED + case(0) + case(1), "error.prediction-cut"),
        (HEADER + ASKED + case(0) + case(1) + CUT, "error.prediction-cut"),
        (HEADER + ASKED + ALL + WAITS, "error.prediction-cut"),
        (case(0) + case(1), "error.prediction-open"),
    ],
    ids=["cases-missing", "cut", "exports-missing", "part"],
)
def test_a_prediction_that_is_not_whole_gets_none(text: str, error: str) -> None:
    with pytest.raises(NotALog) as caught:
        read_pasted(io.BytesIO(text.encode()), "console.txt")
    assert caught.value.what.key == error  # type: ignore[union-attr]


@pytest.mark.parametrize("ending", [CUT + "Killed\n", CUT + OUT_OF_MEMORY], ids=["killed", "error"])
def test_an_error_of_a_prediction_is_judged(ending: str) -> None:
    (diagnosis,) = read_pasted(io.BytesIO((HEADER + ASKED + case(0) + ending).encode()), "console.txt").diagnoses
    assert diagnosis.episode.kind == "death"


def test_the_final_validation_of_a_training_is_no_prediction() -> None:
    text = "2026-03-01 10:00:00: Epoch 5\n2026-03-01 10:00:00: predicting case_001\ndone with case_001\n"
    result = read_pasted(io.BytesIO(text.encode()), "console.txt")
    assert all(note.key != "target.predicted" for note in result.notes)
