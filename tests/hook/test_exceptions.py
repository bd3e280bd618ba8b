"""Uncaught exceptions are told, and the user sees exactly what would have been seen."""

from __future__ import annotations

import signal

import pytest

from holter.hook import runtime

IN_MAIN = "import batchgenerators\nraise ValueError('broken')"
IN_THREAD = """
import batchgenerators, threading
def work(): raise KeyError('in a thread')
thread = threading.Thread(target=work, name='t'); thread.start(); thread.join()
"""


@pytest.mark.parametrize("program", [IN_MAIN, IN_THREAD, "import batchgenerators, sys; sys.exit(4)"])
def test_output_and_exit_code_are_those_of_a_run_without_the_hook(hooked, program):
    with_hook, without = hooked.run("-c", program), hooked.run("-c", program, hook=False)
    assert (with_hook.stdout, with_hook.stderr) == (without.stdout, without.stderr)
    assert with_hook.returncode == without.returncode


def test_an_uncaught_exception_is_told_once_with_its_traceback(hooked):
    hooked.run("-c", IN_MAIN)
    (line,) = hooked.lines("exception")
    assert (line["error"], line["message"], line["role"]) == ("ValueError", "broken", "main")
    assert 'File "<string>", line 2' in line["traceback"]


def test_an_exception_in_a_thread_names_the_thread(hooked):
    hooked.run("-c", IN_THREAD)
    (line,) = hooked.lines("exception")
    assert (line["error"], line["thread"]) == ("KeyError", "t")


def test_leaving_with_sys_exit_is_no_exception(hooked):
    hooked.run("-c", "import batchgenerators, sys; sys.exit(4)")
    assert hooked.lines("exception") == []


@pytest.mark.parametrize("program", [
    "import batchgenerators\n1 / 0", "1 / 0",
    "import code\ncode.interact(readfunc=lambda _, lines=iter(['1 / 0', 'exit()']): next(lines))",
])  # fmt: skip
def test_an_exception_at_the_prompt_of_an_interpreter_ends_nothing(hooked, program):
    options = () if "interact" in program else ("-i",)
    done = hooked.run(*options, "-c", program)
    assert "ZeroDivisionError" in done.stderr
    assert hooked.lines("exception") == []


@pytest.mark.parametrize("first", ["", "import batchgenerators\n"])
@pytest.mark.parametrize(("told", "program"), [
    (["ZeroDivisionError"], "import sys\nsys.ps1 = 'In : '  # as ipdb.set_trace() leaves it\n1 / 0"),
    ([], "import code\ncode.interact(readfunc=lambda _, lines=iter(['1 / 0', 'exit()']): next(lines))"),
    (["KeyError"], "import code\ndef end(_): raise EOFError\ncode.interact(readfunc=end)\n{}['x']"),
])  # fmt: skip
def test_an_exception_ends_a_script_though_it_was_at_a_prompt_before(hooked, tmp_path, first, told, program):
    script = tmp_path / "script.py"
    script.write_text(first + program)
    hooked.run(str(script))
    assert [line["error"] for line in hooked.lines("exception")] == told


def test_an_excepthook_that_the_user_set_before_still_runs(hooked):
    program = "import sys; sys.excepthook = lambda *a: print('mine', a[0].__name__)\n" + IN_MAIN
    done = hooked.run("-c", program)
    assert (done.stdout, done.stderr) == ("mine ValueError\n", "")
    assert len(hooked.lines("exception")) == 1


def test_a_stack_signal_that_the_user_handles_is_left_alone(hooked):
    program = """
import os, signal
signal.signal(signal.SIGUSR2, lambda *_: print('mine'))
import batchgenerators
os.kill(os.getpid(), signal.SIGUSR2)
"""
    assert hooked.run("-c", program).stdout == "mine\n"
    from holter.hook import page

    seen = page.decode(next(hooked.scratch.glob("beat-*")).read_bytes())
    assert seen is not None and seen.fault_signal is None


def test_a_faulthandler_that_the_user_enabled_still_prints(hooked):
    program = "import batchgenerators, os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    done = hooked.run("-c", program, PYTHONFAULTHANDLER="1")
    assert done.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in done.stderr


# Programs without nnU-Net.
PLAIN = {
    "error": "def f(x): raise ValueError('broken')\nf(1)",
    "chained": "try:\n 1 / 0\nexcept ZeroDivisionError as e:\n raise KeyError('second') from e",
    "ctrl-c": "raise KeyboardInterrupt",
    "leaves": "import sys; sys.exit('words')",
    "recursion": "def f(): f()\nf()",
    "no-words": "class E(Exception):\n def __str__(self): raise OSError('none')\nraise E",
    "surrogates": "raise ValueError('\\udcff')",
    "own-hook": "import sys; sys.excepthook = lambda *a: print('mine')\n1 / 0",
    "module-hidden": "import sys; sys.modules['json'] = sys.modules['traceback'] = None\n1 / 0",
    "forked": "import os\nif os.fork(): os.wait(); raise ValueError('parent')\nelse: raise ValueError('child')",
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_program_without_nnunet_ends_as_it_does_without_the_hook(hooked, name):
    with_hook, without = hooked.run("-c", PLAIN[name]), hooked.run("-c", PLAIN[name], hook=False)
    assert (with_hook.stdout, with_hook.stderr) == (without.stdout, without.stderr)
    assert with_hook.returncode == without.returncode


def test_a_program_without_nnunet_can_end_where_the_scratch_folder_is_gone(hooked):
    program = f"import shutil; shutil.rmtree({str(hooked.scratch)!r})\n1 / 0"
    done = hooked.run("-c", program)
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert not hooked.scratch.exists()


@pytest.mark.parametrize(
    ("name", "error"), [("error", "ValueError"), ("chained", "KeyError"), ("recursion", "RecursionError")]
)
def test_what_ends_a_program_without_nnunet_is_told(hooked, name, error):
    hooked.run("-c", PLAIN[name])
    (line,) = hooked.lines("exception")
    assert (line["error"], line["role"], line["asleep"]) == (error, "main", True)


@pytest.mark.parametrize("name", ["ctrl-c", "leaves", "own-hook"])
def test_what_is_no_error_is_not_told(hooked, name):
    hooked.run("-c", PLAIN[name])
    assert hooked.lines("exception") == []


def test_a_quiet_block_keeps_only_errors_of_the_hook_from_the_training(monkeypatch):
    """Ctrl-C, an exit and the end of a generator are no errors of the hook."""
    recorded: list[tuple[str, Exception]] = []
    monkeypatch.setattr(runtime.HookRuntime, "record_error", lambda _, where, error: recorded.append((where, error)))
    error = StopIteration()
    with runtime.quietly("fetch"):
        raise error
    assert recorded == [("fetch", error)]
    for other in (KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(other), runtime.quietly("fetch"):
            raise other
    assert len(recorded) == 1
