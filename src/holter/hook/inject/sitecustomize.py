"""Found first on PYTHONPATH by every Python of a watched run: loads the hook, then steps aside.

The next ``sitecustomize`` on the path runs as if this one were not there: it takes the name in ``sys.modules``, and
what it raises is handled by Python as always. Where there is none, the import fails as it would have.
"""

import os
import sys


def _load_hook(here: str) -> None:
    if not os.environ.get("HOLTER_SCRATCH") or "_holter_hook" in sys.modules:
        return
    # The training's environment need not have holter: its hook folder is loaded as a package of another name.
    package = type(sys)("_holter_hook")
    package.__path__ = [os.path.dirname(here)]  # noqa: PTH120 - pathlib is not loaded yet, and start-up counts
    package.__spec__ = type(sys.__spec__)("_holter_hook", None, is_package=True)
    sys.modules["_holter_hook"] = package
    import _holter_hook.hook  # type: ignore[import-not-found]

    _holter_hook.hook.install()


def _report(error: Exception) -> None:
    try:
        import json
        import time

        path = os.path.join(os.environ["HOLTER_SCRATCH"], "events-%d.jsonl" % os.getpid())  # noqa: PTH118, UP031
        line = {"at": time.monotonic(), "wall": time.time(), "kind": "note", "what": "hook-failed"}
        line["text"] = "start: " + repr(error)
        with open(path, "a", encoding="utf-8") as events:  # noqa: PTH123
            events.write(json.dumps(line) + "\n")
    except Exception:
        pass


def _is_same(folder: str, here: str) -> bool:
    try:
        return os.path.samefile(folder, here)  # noqa: PTH121
    except OSError:
        return False


def _run_next(here: str) -> None:
    finder = sys.modules["_frozen_importlib_external"].PathFinder
    others = [folder for folder in sys.path if not _is_same(folder or ".", here)]
    spec = finder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("No module named 'sitecustomize'", name="sitecustomize")
    module = sys.modules["_frozen_importlib"].module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
try:
    _load_hook(_HERE)
except Exception as error:
    _report(error)
_run_next(_HERE)
