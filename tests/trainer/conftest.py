"""Every test here needs nnU-Net."""

from __future__ import annotations

import pytest

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed")

from trainer.scene import scene  # noqa: F401 -- a fixture
