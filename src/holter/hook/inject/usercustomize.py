"""The fallback if another ``sitecustomize`` is before ours on the path and does not run the next one.

Outside virtual environments, Python imports this name after ``sitecustomize``. It does the same as ours.
"""

import os
import sys

if sys.version_info[0] < 3:  # noqa: UP036 - a training may start an old Python
    raise ImportError(__name__)  # as if this file did not exist

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sitecustomize.py")  # noqa: PTH100, PTH118, PTH120
exec(sys.modules["_frozen_importlib_external"].SourceFileLoader(__name__, _FILE).get_code(__name__))
