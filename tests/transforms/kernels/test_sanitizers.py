"""The kernels alone, compiled with the address and the undefined-behaviour sanitizer, on random input."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from holter.transforms.kernels.build import AVX2, AVX512, FLAGS, SOURCES, X86
from needs import needs

CHECKED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compiled(folder: Path, options: tuple[str, ...]) -> Path:
    """The driver, with all instruction sets."""
    flags = [flag for flag in FLAGS if flag not in ("-O3", "-fvisibility=hidden")]
    sets = [("run_portable", ())]
    if platform.machine() == "x86_64":
        sets += [("run_avx2", AVX2), ("run_avx512", AVX512)]
        options = (*options, X86)
    common = ["c++", *flags, *options, f"-I{SOURCES}"]
    jobs = [[*common, "-c", str(SOURCES / "run.cpp"), f"-DHOLTER_RUN={name}", *more, "-o", str(folder / f"{name}.o")]
            for name, more in sets]  # fmt: skip
    rest = (SOURCES / "library.cpp", Path(__file__).with_name("driver.cpp"))
    jobs += [[*common, "-c", str(source), "-o", str(folder / f"{source.stem}.o")] for source in rest]
    running = [subprocess.Popen(job) for job in jobs]
    assert [process.wait(timeout=600) for process in running] == [0] * len(jobs)
    subprocess.run([*common, *map(str, folder.glob("*.o")), "-o", str(folder / "driver"), "-lm"], check=True)
    return folder / "driver"


@pytest.mark.long
@pytest.mark.sample
@needs("c++")
def test_the_sanitizers_find_nothing_and_all_instruction_sets_agree(tmp_path: Path) -> None:
    driver = compiled(tmp_path, CHECKED)
    options = {"ASAN_OPTIONS": "detect_leaks=0"}  # the scratch memory lives as long as its thread
    done = subprocess.run(
        [str(driver), "0", "1500"], env={**os.environ, **options}, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "0 of 1500 cases failed" in done.stdout
