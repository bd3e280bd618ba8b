"""torch.compile finds no working compiler."""

from __future__ import annotations

from benchmarks.faultlab.fault import FromTheStart


class CompilerMissing(FromTheStart):
    """The network is compiled, and the compiler is a program that only fails."""

    name = "compiler-missing"
    summary = "torch.compile calls a C++ compiler that does not work"
    cause = "compile-toolchain-broken"
    acts = True
    trainer = "nnUNetTrainerCompiled"
    variables = {"CXX": "false", "CC": "false", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}


SCENARIO = CompilerMissing
