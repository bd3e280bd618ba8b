"""Build hooks: compile the kernels of the transforms into a wheel, and give the package its addresses.

A wheel for this machine is made with the system's compiler. If ``ziglang`` is installed where the wheel is built, its
compiler is taken, and the wheel runs with every C library since glibc 2.17 (manylinux2014). Without any compiler the
wheel holds only the sources: they are compiled at the first use, or the transforms run in torch. An editable
installation compiles nothing here, because its sources change: the first use does it, into the user's cache.

Where the repository is, is one line of pyproject.toml, empty until it has an address (``scripts/address.py``). An index
shows the README without the files beside it, so there its links lead to the repository, to the tag of the version.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

KERNELS = "holter/transforms/kernels"
README = "README.md"
# A link or a picture whose target is a file of the repository.
TO_A_FILE = re.compile(r"(?P<picture>!?)\[(?P<label>[^\]]*)\]\((?![a-z]+:|#)(?P<target>[^)\s]+)\)")


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


class AddressHook(MetadataHookInterface):
    """Sets the addresses of the package, and the text of its page on an index."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Without an address: the README as it is."""
        root, address = Path(self.root), str(self.config["repository"])
        text = (root / README).read_text(encoding="utf-8")
        if address:
            tag = f"v{metadata['version']}"
            text = to_repository(text, address, tag)
            metadata["urls"] = {
                "Repository": address,
                "Documentation": f"{address}/blob/{tag}/docs/index.md",
                "Changelog": f"{address}/blob/{tag}/CHANGELOG.md",
                "Issues": f"{address}/issues",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def to_repository(text: str, address: str, tag: str) -> str:
    """Return Markdown whose links to files lead to the repository at this tag."""

    def there(match: re.Match[str]) -> str:
        kind = "raw" if match["picture"] else "blob"
        return f"{match['picture']}[{match['label']}]({address}/{kind}/{tag}/{match['target']})"

    return TO_A_FILE.sub(there, text)


def _build_module(file: Path) -> Any:
    # By its path: Holter is not installed yet.
    spec = importlib.util.spec_from_file_location("holter_kernels_build", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
