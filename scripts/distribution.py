"""Build the source distribution and the wheel, check both, and run the installed wheel.

    python scripts/distribution.py dist                  build into dist/ and check
    python scripts/distribution.py dist --no-compiler    the wheel as it is where no compiler is installed

The wheel is built from the unpacked source distribution, so that a file missing there is noticed. It is installed into
an empty environment; its dependencies come from where pip is set to look. Exit code 3: pip could not get these (no
network); everything before was done.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from email import message_from_string
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TAPE = ROOT / "tests/tapes/frozen_worker/fault.holter"
# Compiled at build time where there is a compiler.
KERNELS = "holter/transforms/kernels/holter_kernels.so"
# The wheel brings the compiled catalogues, not their source.
NOT_IN_WHEEL = ("*.po",)
REQUIRED_IN_SDIST = (
    "LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "hatch_build.py", "PKG-INFO",
    "src/holter/reports/locale/zh_CN/LC_MESSAGES/holter.po",
)  # fmt: skip
FORBIDDEN_IN_SDIST = (
    "tests/*", "benchmarks/*", "changelog.d/*", ".ci/*", ".git/*", ".venv/*", "*__pycache__*", "*.pyc", "*.so",
    "*.holter", "*.holter-wal", "*.egg-info*",
)  # fmt: skip
LICENCES = ("LICENSE", "src/holter/views/web/static/uPlot.LICENSE")
COMPLETIONS = (
    "share/bash-completion/completions/holter",
    "share/zsh/site-functions/_holter",
    "share/fish/vendor_completions.d/holter.fish",
)
NO_PACKAGES = 3


class Wrong(Exception):
    """A distribution is not as it must be; the text says what."""


class NoPackages(Exception):
    """pip cannot get the dependencies here."""


def main(words: Sequence[str] | None = None) -> int:
    """Build and check; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, help="where the two files are written")
    options.add_argument("--no-compiler", action="store_true", help="build as where no compiler is installed")
    given = options.parse_args(words)
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        sdist, wheel = built(given.folder.resolve(), with_compiler=not given.no_compiler)
        check_sdist(sdist)
        check_wheel(wheel, has_kernels=None if not given.no_compiler else False)
        check_page(wheel)
        run([sys.executable, "-m", "twine", "check", "--strict", sdist, wheel])
        print(f"checked: {sdist.name} ({sdist.stat().st_size / 1e6:.1f} MB), {wheel.name}")
        with tempfile.TemporaryDirectory(prefix="holter-installed-") as scratch:
            try_installed(wheel, Path(scratch))
    except Wrong as reason:
        print(reason, file=sys.stderr)
        return 1
    except NoPackages as reason:
        print(reason, file=sys.stderr)
        return NO_PACKAGES
    return 0


def built(folder: Path, *, with_compiler: bool) -> tuple[Path, Path]:
    """Build both into a folder; return their paths."""
    before = set(folder.iterdir())
    run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder], cwd=ROOT)
    sdist = _new(folder, before, "*.tar.gz")
    variables = {} if with_compiler else {"PATH": "", "CXX": ""}
    with tempfile.TemporaryDirectory(prefix="holter-sdist-") as scratch, tarfile.open(sdist) as archive:
        archive.extractall(scratch, filter="data")
        (unpacked,) = Path(scratch).iterdir()
        run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=unpacked, variables=variables
        )
    return sdist, _new(folder, before, "*.whl")


def check_sdist(sdist: Path) -> None:
    """Raise if the source distribution lacks a file or has one too many."""
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    _compare(f"{sdist.name}: src/", {name for name in names if name.startswith("src/")}, sources())
    _require(sdist.name, names, REQUIRED_IN_SDIST)
    _forbid(sdist.name, names, FORBIDDEN_IN_SDIST)


def check_wheel(wheel: Path, *, has_kernels: bool | None) -> None:
    """Raise if the wheel lacks a file or has one too many; ``has_kernels`` None: either is right."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {name for name in names if name.startswith("holter/")}
    if has_kernels is not None and (KERNELS in package) is not has_kernels:
        raise Wrong(f"{wheel.name}: {KERNELS} is {'there' if KERNELS in package else 'missing'}")
    expected = {name.removeprefix("src/") for name in sources()}
    expected = {name for name in expected if not any(fnmatch(name, pattern) for pattern in NOT_IN_WHEEL)}
    _compare(wheel.name, package - {KERNELS}, expected)
    name, version = wheel.name.split("-")[:2]
    _require(wheel.name, names, [f"{name}-{version}.dist-info/licenses/{each}" for each in LICENCES])
    _require(wheel.name, names, [f"{name}-{version}.data/data/{each}" for each in COMPLETIONS])


def check_page(wheel: Path) -> None:
    """Raise if a link of the page that an index shows leads to a file, which an index does not have.

    Without an address of the repository (scripts/address.py) there is nothing to lead to.
    """
    metadata = message_from_string(_metadata(wheel))
    if not metadata.get_all("Project-URL"):
        print("the address of the repository is not set: python scripts/address.py ADDRESS before a release")
    elif dead := re.findall(r"\]\((?![a-z]+:|#)([^)]+)\)", str(metadata.get_payload())):
        raise Wrong(f"{wheel.name}: links of its page lead nowhere: {', '.join(dead)}")


def sources() -> set[str]:
    """Return the files of ``src/``, as paths from the checkout; what tools leave behind is not among them."""
    files = (str(file.relative_to(ROOT)) for file in (ROOT / "src").rglob("*") if file.is_file())
    return {name for name in files if not any(fnmatch(name, pattern) for pattern in FORBIDDEN_IN_SDIST)}


def try_installed(wheel: Path, scratch: Path) -> None:
    """Install a wheel into an empty environment, and raise if one of its commands does not do what it must."""
    environment = scratch / "environment"
    venv.create(environment, with_pip=True)
    pip: list[str | Path] = [environment / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    dependencies = _dependencies(wheel)
    first = subprocess.run([*pip, "install", *dependencies], capture_output=True, text=True, check=False)
    if first.returncode:
        raise NoPackages(f"pip cannot get the dependencies: {first.stderr.strip()[-300:]}")
    # Without an index: what the wheel needs beyond the list above is an error.
    run([*pip, "install", "--no-index", wheel])
    run([*pip, "check"])
    home = scratch / "home"
    home.mkdir()
    holter = [environment / "bin/holter"]
    # An empty home and nothing of ours on a path: what runs is what was installed.
    clean = {"PATH": os.defpath, "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"}
    version = wheel.name.split("-")[1]
    expect([*holter, "--version"], clean, f"holter {version}")
    expect([*holter, "explain", "frozen-worker"], clean, "What happens")
    expect([*holter, "explain", "frozen-worker", "--lang", "zh"], clean, "发生了什么")
    report = home / "report.html"
    expect([*holter, "diagnose", TAPE], clean, r"is stopped. Confirmed", code=1)
    expect([*holter, "report", TAPE, "--output", report], clean, report.name, code=None)
    if "</html>" not in report.read_text(encoding="utf-8"):
        raise Wrong(f"{report} is no whole page")
    words = home / "words.txt"
    words.write_text("RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.\n", encoding="utf-8")
    expect([*holter, "diagnose", words], clean, "worker", code=1)
    print(f"installed and run: {version}")


def expect(command: Sequence[str | Path], variables: Mapping[str, str], pattern: str, *, code: int | None = 0) -> None:
    """Raise if a command does not print this or ends with another code; None: any but that of a failure."""
    where = variables["HOME"]
    done = subprocess.run(command, env=dict(variables), cwd=where, capture_output=True, encoding="utf-8", check=False)
    is_right = done.returncode in (0, 1) if code is None else done.returncode == code
    if not is_right or not re.search(pattern, done.stdout + done.stderr):
        raise Wrong(f"{_shown(command)}: code {done.returncode}\n{done.stdout}{done.stderr}")


def run(command: Sequence[str | Path], *, cwd: Path | None = None, variables: Mapping[str, str] | None = None) -> None:
    """Run a command; raise with its output if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(variables or {})}, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise Wrong(f"{_shown(command)}: code {done.returncode}\n{done.stdout}{done.stderr}")


def _dependencies(wheel: Path) -> list[str]:
    return [line for line in re.findall(r"^Requires-Dist: (.+)$", _metadata(wheel), re.M) if "extra ==" not in line]


def _metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name).decode()


def _new(folder: Path, before: set[Path], pattern: str) -> Path:
    try:
        (made,) = set(folder.glob(pattern)) - before
    except ValueError:
        raise Wrong(f"{folder} has a {pattern} of an earlier build: give an empty folder") from None
    return made


def _compare(where: str, found: set[str], expected: set[str]) -> None:
    if missing := sorted(expected - found):
        raise Wrong(f"{where} lacks {', '.join(missing)}")
    if extra := sorted(found - expected):
        raise Wrong(f"{where} has what is not in the source: {', '.join(extra)}")


def _require(where: str, names: set[str], wanted: Iterable[str]) -> None:
    if missing := [name for name in wanted if name not in names]:
        raise Wrong(f"{where} lacks {', '.join(missing)}")


def _forbid(where: str, names: set[str], patterns: Iterable[str]) -> None:
    if found := sorted(name for name in names if any(fnmatch(name, pattern) for pattern in patterns)):
        raise Wrong(f"{where} has {', '.join(found[:10])}")


def _shown(command: Sequence[str | Path]) -> str:
    return " ".join(map(str, command))


if __name__ == "__main__":
    sys.exit(main())
