"""Bytes that are no UTF-8 reach the tape as people know them from a shell."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.records import Environment, ExceptionSeen, ProbeRun
from holter.tape import TapeWriter, read
from holter.tape.surrogates import encode, plain_text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("as usual: 训练", "as usual: 训练"),
        (os.fsdecode(b"/data/caf\xe9"), "/data/caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("\udcff\ud800", "\\udcff\\ud800"),
    ],
)
def test_a_byte_is_written_out(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.slow
@given(
    st.recursive(
        st.text(st.characters(codec=None, exclude_categories=())), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_text_can_be_encoded(data: object) -> None:
    msgspec.json.decode(encode(data))


def test_a_tape_takes_any_bytes_in_every_place(tmp_path: Path) -> None:
    odd = "a\udcffb"
    writer = TapeWriter(tmp_path / f"{odd}.holter")
    writer.write_environment(
        Environment(wall_start="2026-01-01T00:00:00+00:00", command=(odd,), variables=((odd, odd),))
    )
    event = ExceptionSeen(t_s=1.0, pid=7, role="main", error="ValueError", message=odd, traceback=odd, case=odd)
    writer.write_events([event])
    writer.write_probe_run(ProbeRun(t_s=1.0, probe="host", ok=False, cost_s=0.0, error=odd))
    writer.close(2.0)
    assert writer.problem is None and writer.lost_rows == 0
    recording = read(tmp_path / f"{odd}.holter")
    assert recording.environment.command == ("a\\xffb",)
    assert recording.events(ExceptionSeen)[0].message == "a\\xffb"
