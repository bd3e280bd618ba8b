"""Rules of several causes."""

from __future__ import annotations

from holter.causes.weigh import against, is_false, is_true

# If no process of the run uses a CPU, neither a lack of CPUs nor the number of threads delays it.
NOBODY_WORKS = against("activity.present", is_false, "nobody-works", fatal=True)
# A process that stays at one place of its code is the cause itself, however busy it is there.
MAIN_IN_ONE_PLACE = against("main.stands_at", is_true, "main-stands", fatal=True)
WORKERS_IN_ONE_PLACE = against("workers.stand_at", is_true, "workers-stand", fatal=True)
# Batches of workers that cannot hand them over are lost.
BATCHES_ARE_LOST = against("shm.trouble", is_true, "shm-explains", fatal=True)
IN_ONE_PLACE = (MAIN_IN_ONE_PLACE, WORKERS_IN_ONE_PLACE)
