"""An export worker is killed while it works on a case and the main process waits for its last results."""

from __future__ import annotations

from benchmarks.faultlab.export import ExportFault


class ExportSigkill(ExportFault):
    """The pool starts another one, and the result never comes."""

    name = "export-sigkill"
    summary = "an export worker of the final validation is killed: its result never comes"
    cause = "export-lost-result-hang"


SCENARIO = ExportSigkill
