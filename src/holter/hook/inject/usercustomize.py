"""The second chance: a ``sitecustomize`` that stands before ours on the path and does not run the next one.

Python imports this name after the other, outside of virtual environments. It does what ours would have done.
"""

import os
import sys

if sys.version_info[0] < 3:  # noqa: UP036 - a training may call an old Python
    raise ImportError(__name__)  # as if this file were not there

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sitecustomize.py")  # noqa: PTH100, PTH118, PTH120
exec(sys.modules["_frozen_importlib_external"].SourceFileLoader(__name__, _FILE).get_code(__name__))
