"""Every test here needs nnU-Net."""

from __future__ import annotations

from needs import imported

imported("nnunetv2")

from trainer.scene import scene  # noqa: E402, F401 -- a fixture, of a file that imports nnU-Net
