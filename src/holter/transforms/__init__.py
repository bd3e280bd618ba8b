"""nnU-Net's augmentation for whole batches, on any device: tensor in, tensor out.

``read_chain`` looks at the transforms a trainer made and gives a chain that does the same: ``draw`` once a sample,
from an explicit generator and before anything is read; ``needed_box`` says what must be read; ``apply`` does the rest
for a batch. Nothing here knows of the monitor or of the loader.
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
