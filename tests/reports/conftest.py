from __future__ import annotations

import pytest
import reports_scene

from holter.records import Diagnosis
from holter.tape import Recording


@pytest.fixture(scope="session")
def recording() -> Recording:
    return reports_scene.recording()


@pytest.fixture(scope="session")
def diagnoses() -> tuple[Diagnosis, ...]:
    return reports_scene.diagnoses()
