"""Make nnU-Net's batches in threads, without worker processes: plan, read, stage.

A sample is planned from (seed, step, slot) alone, before anything is read. Threads read only the voxels that its
transforms need, without holding the interpreter's lock. Batches use memory that is allocated once.
"""

from holter.loader.from_nnunet import catalogue_like, sampling_like
from holter.loader.loader import Loader
from holter.loader.options import Options
from holter.loader.plan.dataset import Catalogue
from holter.loader.plan.planner import Planner
from holter.loader.read.backend import Backend
from holter.loader.read.ram import ram_budget_bytes
from holter.loader.records import LoaderState, ReadTrouble, SamplePlan, Sampling
from holter.loader.stage.buffers import seg_dtype_for
from holter.loader.stage.chain import Chain, NoTransforms

__all__ = [
    "Backend",
    "Catalogue",
    "Chain",
    "Loader",
    "LoaderState",
    "NoTransforms",
    "Options",
    "Planner",
    "ReadTrouble",
    "SamplePlan",
    "Sampling",
    "catalogue_like",
    "ram_budget_bytes",
    "sampling_like",
    "seg_dtype_for",
]
