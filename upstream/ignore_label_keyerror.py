"""An ignore label that was added after preprocessing ends a worker with a `KeyError` of numbers.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

The key "all annotated labels" is stored with a case only if `dataset.json` had the ignore label, and the same labels,
when the case was preprocessed. If not, the first sample that is not forced to foreground looks it up and fails, with
a tuple of numbers for a message.

Proposed change:
`class_locations.get(selected_class, ())`, or an error that says "preprocess again: dataset.json has another ignore
label than the preprocessed data".

Measured effect:
None; the training ends in its first batch.
"""

from types import SimpleNamespace

import numpy as np
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader

if __name__ == "__main__":
    loader = SimpleNamespace(
        need_to_pad=np.zeros(3, dtype=int),
        patch_size=np.array([8, 8, 8]),
        has_ignore=True,
        annotated_classes_key=(0, 1, 2),
    )
    preprocessed_before = {1: np.zeros((5, 4), dtype=int), 2: np.zeros((5, 4), dtype=int)}
    try:
        nnUNetDataLoader.get_bbox(loader, np.array([16, 16, 16]), force_fg=False, class_locations=preprocessed_before)
    except KeyError as error:
        print("KeyError:", error)
        raise SystemExit(0) from None  # the fault is there
    raise SystemExit(1)
