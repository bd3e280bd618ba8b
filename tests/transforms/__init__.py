"""Our transforms against batchgeneratorsv2's own, fed the same draws."""

import pytest

pytest.importorskip("batchgeneratorsv2", reason="nnU-Net is not installed")
