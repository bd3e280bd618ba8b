"""Every Python of a recorded run imports this file first from PYTHONPATH: it loads the hook, then steps aside.

The next ``sitecustomize`` on the path runs as if this one did not exist: it takes the name in ``sys.modules``, and
Python handles its exceptions as always. If there is none, the import fails as it would without Holter.

A file that runs "the next one" itself may find this file again, because it is first on the path. It then gets the one
after: files that are being executed are not run a second time. ``usercustomize.py`` runs this code too.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

# Annotations that Python 3.6 cannot evaluate are strings: a training may also start an old Python.
_NAME = "usercustomize" if __name__ == "usercustomize" else "sitecustomize"


def _is_ours(folder: str) -> bool:
    return os.path.isfile(os.path.join(os.path.dirname(folder), "hook.py"))  # noqa: PTH113, PTH118, PTH120


def _load_hook(here: str) -> None:
    if not os.environ.get("HOLTER_SCRATCH") or "_holter_hook" in sys.modules or not _is_ours(here):
        return
    # The training's environment may not have holter: the hook folder is loaded as a package under another name.
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


def _is_same(folder: str, other: str) -> bool:
    try:
        return os.path.samefile(folder, other)  # noqa: PTH121
    except OSError:
        return False


def _entry(file: str) -> str:
    # The entry of ``sys.path`` where a file or package of our name was found; empty for another name.
    folder, name = os.path.split(os.path.abspath(file))  # noqa: PTH100
    if name.startswith("__init__."):
        folder, name = os.path.split(folder)
    return folder if name.partition(".")[0] == _NAME else ""


def _running() -> "list[str]":
    # The folders of the files of our name that are being executed now, including this one.
    folders, frame = [_HERE], sys._getframe().f_back
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            folders.append(_entry(frame.f_code.co_filename))
        frame = frame.f_back
    return [folder for folder in folders if folder]


def _is_imported() -> bool:
    # Whether Python imports our name, rather than other code running the file in its own way (or a reload). Loaders may
    # be wrapped (ddtrace does), so other functions may be in between, but no other module's code.
    frame = sys._getframe().f_back
    while frame is not None:
        if frame.f_code.co_name == "_find_and_load":
            return True
        is_ours = os.path.dirname(frame.f_code.co_filename) == os.path.dirname(_THIS)  # noqa: PTH120
        if frame.f_code.co_name == "<module>" and not is_ours:
            return False
        frame = frame.f_back
    return False


def _find_next(running: "list[str]") -> "ModuleSpec | None":
    # The next file of our name, as Python would find it without those that are running.
    path_finder = sys.modules["_frozen_importlib_external"].PathFinder
    others = [folder for folder in sys.path if not any(_is_same(folder or ".", other) for other in running)]
    for finder in list(sys.meta_path):
        find = getattr(finder, "find_spec", None)
        spec = find(_NAME, others if finder is path_finder else None) if find is not None else None
        if spec is None or spec.loader is None:
            continue
        if not any(_is_same(_entry(spec.origin or ""), other) for other in running):
            return spec  # type: ignore[no-any-return]
    return None


def _run_next() -> None:
    spec = _find_next(_running())
    if _is_imported():
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError("No module named %r" % _NAME, name=_NAME)  # noqa: UP031
        module = sys.modules["_frozen_importlib"].module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
    elif spec is not None:  # its names belong in the namespace of the code that runs us
        if _is_ours(os.path.dirname(os.path.abspath(globals().get("__file__", "")))):  # noqa: PTH100, PTH120
            globals().update(__file__=spec.origin, __spec__=spec, __loader__=spec.loader, __cached__=spec.cached)
        exec(spec.loader.get_code(_NAME), globals())  # type: ignore[union-attr]


_THIS = _load_hook.__code__.co_filename
_FILE = _THIS if os.path.isfile(_THIS) else globals().get("__file__", "")  # noqa: PTH113
_HERE = os.path.dirname(os.path.abspath(_FILE))  # noqa: PTH100, PTH120
try:
    _load_hook(_HERE)
except Exception as error:
    _report(error)
_run_next()
