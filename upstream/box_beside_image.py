"""`crop_and_pad_nd` fills a box beside the image with 0 and not with `pad_value`.

For: acvl_utils 0.2.6, https://github.com/MIC-DKFZ/acvl_utils

For a box that is completely outside of the image the function returns `np.zeros`, whatever `pad_value` is. A
segmentation that nnU-Net crops with `pad_value=-1` ("outside, ignore") gets label 0 there: background to be learned.

Proposed change:
`np.full(target_shape, pad_value, dtype=image.dtype)` and `torch.full(...)`; for pad modes other than constant, the
same or an error.

Measured effect:
None in numbers. nnU-Net draws such a box only for patches that are much larger than a case.
"""

import numpy as np
from acvl_utils.cropping_and_padding.bounding_boxes import crop_and_pad_nd

if __name__ == "__main__":
    segmentation = np.ones((4, 4), dtype=np.int16)
    partly = crop_and_pad_nd(segmentation, [[3, 6], [0, 2]], pad_value=-1)
    beside = crop_and_pad_nd(segmentation, [[4, 7], [0, 2]], pad_value=-1)
    print("box partly outside:", partly.tolist())
    print("box beside the image:", beside.tolist())
    raise SystemExit(0 if (beside == 0).all() else 1)  # 0: the fault is there
