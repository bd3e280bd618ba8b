"""Build hook: compiles the kernels of the transforms into a wheel.

A wheel for this machine is made with the system's compiler. If ``ziglang`` is installed where the wheel is built, its
compiler is taken, and the wheel runs with every C library since glibc 2.17 (manylinux2014). Without any compiler the
wheel holds only the sources: they are compiled at the first use, or the transforms run in torch. An editable
installation compiles nothing here, because its sources change: the first use does it, into the user's cache.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = "holter/transforms/kernels"


class KernelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled library to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless the installation is editable."""
        if self.target_name != "wheel" or version == "editable":
            return
        if TYPE_CHECKING:  # so that mypy compares the calls below with the module's signatures
            from holter.transforms.kernels import build
        else:
            build = _build_module(Path(self.root) / "src" / KERNELS / "build.py")
        self._folder = tempfile.TemporaryDirectory(prefix="holter-kernels-")
        library = Path(self._folder.name) / build.LIBRARY
        try:
            used = build.compile_into(library, [*build.zig(), *build.compilers()])
        except build.CannotCompile as reason:
            self.app.display_warning(f"the wheel has no compiled kernels: {reason}")
            return
        build_data["force_include"][str(library)] = f"{KERNELS}/{build.LIBRARY}"
        build_data["pure_python"] = False
        system = "manylinux2014" if used.is_portable else "linux"
        build_data["tag"] = f"py3-none-{system}_{platform.machine()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the scratch folder."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _build_module(file: Path) -> Any:
    # By its path: Holter is not installed yet.
    spec = importlib.util.spec_from_file_location("holter_kernels_build", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
