"""nnU-Net's augmentation for whole batches, on any device: tensor in, tensor out.

``read_chain`` reads the transforms of a trainer and returns a chain that does the same. Call ``draw`` once per sample,
with an explicit generator, before anything is read; ``needed_box`` returns what must be read; ``apply`` does the rest
for a batch. Nothing here depends on the monitor or the loader.
"""

from holter.transforms.chain import Batch, Chain, SampleDraw
from holter.transforms.device_check import why_unusable
from holter.transforms.read import read_chain
from holter.transforms.spatial.geometry import Box, Fill, Geometry
from holter.transforms.version import TESTED, check_version

__all__ = [
    "TESTED",
    "Batch",
    "Box",
    "Chain",
    "Fill",
    "Geometry",
    "SampleDraw",
    "check_version",
    "read_chain",
    "why_unusable",
]
