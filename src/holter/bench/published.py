"""Epoch times that nnU-Net's authors published, to compare with.

Source:  nnU-Net documentation/expected_epoch_times.md (nnU-Net 1, torch 1.7.1; Heart, Liver and Prostate), and issue
#2733 of nnU-Net (2026, nnU-Net 2 on an A40). Seconds of an epoch of 250 and 50 steps, with 20 to 32 worker processes.
"""

from __future__ import annotations

from holter.bench.records import Published

GUIDE = "expected_epoch_times.md (nnU-Net 1)"
ISSUE = "nnU-Net #2733"

TABLE = (
    Published(gpu="A100", what="3d_fullres", low_s=44.5, high_s=51.2, source=GUIDE),
    Published(gpu="A40", what="3d_fullres", low_s=32.8, high_s=37.7, source=ISSUE),
    Published(gpu="V100", what="3d_fullres", low_s=75.5, high_s=99.3, source=GUIDE),
    Published(gpu="RTX 6000", what="3d_fullres", low_s=85.2, high_s=110.5, source=GUIDE),
    Published(gpu="TITAN RTX", what="3d_fullres", low_s=86.2, high_s=112.3, source=GUIDE),
    Published(gpu="RTX 2080 Ti", what="3d_fullres", low_s=106.8, high_s=148.4, source=GUIDE),
    Published(gpu="A100", what="2d", low_s=40.0, high_s=40.0, source=GUIDE),
    Published(gpu="V100", what="2d", low_s=66.0, high_s=66.0, source=GUIDE),
    Published(gpu="RTX 2080 Ti", what="2d", low_s=98.0, high_s=98.0, source=GUIDE),
)


def published_for(patch_axes: int, gpu: str) -> tuple[Published, ...]:
    """Return the rows for 2D or 3D plans; if the table has the GPU of this name, only its rows."""
    rows = [row for row in TABLE if row.what == ("2d" if patch_axes == 2 else "3d_fullres")]
    own = [row for row in rows if row.gpu.replace(" ", "").lower() in gpu.replace(" ", "").lower()]
    return tuple(own or rows)
