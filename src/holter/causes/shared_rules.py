"""Rules of several causes."""

from __future__ import annotations

from holter.causes.weigh import against, is_false, is_true

# Where no process of the run uses a CPU, no want of CPUs and no number of threads holds it up.
NOBODY_WORKS = against("activity.present", is_false, "nobody-works", fatal=True)
# A process that does not leave one place of its code is the cause itself, however busy it is there.
MAIN_IN_ONE_PLACE = against("main.stands_at", is_true, "main-stands", fatal=True)
WORKERS_IN_ONE_PLACE = against("workers.stand_at", is_true, "workers-stand", fatal=True)
# Workers that cannot hand their batches over make them in vain.
BATCHES_ARE_LOST = against("shm.trouble", is_true, "shm-explains", fatal=True)
IN_ONE_PLACE = (MAIN_IN_ONE_PLACE, WORKERS_IN_ONE_PLACE)
