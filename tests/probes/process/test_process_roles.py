from __future__ import annotations

import pytest

from holter.probes.process.process_roles import Kin, assign_roles, find_main

TRAIN = ("/env/bin/python3", "/env/bin/nnUNetv2_train", "4", "3d_fullres", "0")
SPAWN = ("/env/bin/python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)")
TRACKER = ("/env/bin/python3", "-c", "from multiprocessing.resource_tracker import main;main(4)")
COMPILE = ("/env/bin/python3", "/env/lib/torch/_inductor/compile_worker/__main__.py", "--workers=2")


def _main(pid: int = 100, cmdline: tuple[str, ...] = TRAIN) -> Kin:
    return Kin(pid, 1, 0.0, cmdline)


def _workers(train: int, validate: int, first_s: float = 10.0, step_s: float = 0.02) -> list[Kin]:
    """As nnU-Net starts them: the second batch some seconds after the first."""
    return [Kin(200 + n, 100, first_s + n * step_s, TRAIN) for n in range(train)] + [
        Kin(300 + n, 100, first_s + 3 + n * step_s, TRAIN) for n in range(validate)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 12])
def test_the_first_batch_of_forks_trains_and_the_second_validates(count: int) -> None:
    workers = _workers(count, max(1, count // 2))
    roles = assign_roles(_main(), [_main(), *workers])
    assert roles[100] == "main"
    assert [pid for pid, role in roles.items() if role == "train-worker"] == [200 + n for n in range(count)]
    assert [pid for pid, role in roles.items() if role == "val-worker"] == [300 + n for n in range(max(1, count // 2))]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 12])
def test_before_the_first_batch_is_there_all_forks_train(count: int) -> None:
    roles = assign_roles(_main(), [_main(), *_workers(count, 0)])
    assert set(roles.values()) == {"main", "train-worker"}


def test_a_busy_machine_that_starts_workers_slowly_does_not_mix_them_up() -> None:
    workers = _workers(6, 3)
    late = [kin._replace(started_s=kin.started_s + (0.6 if kin.pid in (204, 205) else 0.0)) for kin in workers]
    roles = assign_roles(_main(), [_main(), *late])
    assert [roles[200 + n] for n in range(6)] == ["train-worker"] * 6
    assert [roles[300 + n] for n in range(3)] == ["val-worker"] * 3


@pytest.mark.parametrize("starts_s", [(3.71, 3.72, 3.81), (5.01, 5.33, 5.57)])
def test_starts_as_measured_in_real_trainings_with_two_workers_and_small_images(starts_s: tuple[float, ...]) -> None:
    workers = [Kin(200 + n, 100, start_s, TRAIN) for n, start_s in enumerate(starts_s)]
    roles = assign_roles(_main(), [_main(), *workers])
    assert [roles[200 + n] for n in range(3)] == ["train-worker", "train-worker", "val-worker"]


def test_a_restarted_batch_of_train_workers_is_known_by_its_size() -> None:
    again = [Kin(400 + n, 100, 500.0 + n * 0.02, TRAIN) for n in range(4)]
    roles = assign_roles(_main(), [_main(), *_workers(4, 2), *again])
    assert [roles[400 + n] for n in range(4)] == ["train-worker"] * 4


def test_helpers_are_known_by_their_command_line() -> None:
    family = [
        _main(),
        Kin(101, 100, 5.0, TRACKER),
        Kin(102, 100, 6.0, COMPILE),
        Kin(103, 102, 7.0, COMPILE),
        Kin(104, 103, 8.0, ("/usr/bin/gcc", "x.c")),
        Kin(105, 100, 900.0, SPAWN),
    ]
    roles = assign_roles(family[0], family)
    assert [roles[pid] for pid in range(101, 106)] == [
        "resource-tracker", "compile-worker", "compile-worker", "other", "export-worker",
    ]  # fmt: skip


def test_a_pool_that_unpacks_before_the_training_is_no_export() -> None:
    family = [_main(), Kin(105, 100, 20.0, SPAWN), *_workers(2, 1, first_s=60.0)]
    assert assign_roles(family[0], family)[105] == "other"


def test_a_run_that_only_validates_exports_from_the_start() -> None:
    main = _main(cmdline=(*TRAIN, "--val"))
    assert assign_roles(main, [main, Kin(105, 100, 20.0, SPAWN)])[105] == "export-worker"


def test_workers_of_a_fork_server_are_workers() -> None:
    server = ("/env/bin/python3", "-c", "from multiprocessing.forkserver import main; main(7, 9)")
    family = [_main(), Kin(110, 100, 5.0, server), *(Kin(200 + n, 110, 6.0 + n / 50, server) for n in range(2))]
    roles = assign_roles(family[0], family)
    assert (roles[110], roles[200], roles[201]) == ("other", "train-worker", "train-worker")


@pytest.mark.parametrize(
    "above",
    [
        [("bash", "-c", "nnUNetv2_train 4 3d_fullres 0")],
        [("uv", "run", "nnUNetv2_train", "4", "3d_fullres", "0")],
        [
            ("/conda/bin/python", "/conda/bin/conda", "run", "nnUNetv2_train", "4", "3d_fullres", "0"),
            ("/bin/bash", "/tmp/tmpx"),
        ],
        [("srun", "python", "x"), ("/env/bin/python3", "-m", "torch.distributed.run", "train.py")],
        [("/env/bin/python3", "launch.py")],  # a script of somebody's own that calls nnU-Net
        [("/env/bin/python3", "-m", "accelerate.commands.launch", "--num_processes", "1", "train.py")],
        [
            ("/env/bin/python3", "/env/bin/deepspeed", "train.py"),
            ("/env/bin/python3", "-u", "-m", "deepspeed.launcher.launch"),
        ],
    ],
)
def test_the_training_is_found_below_shells_and_launchers(above: list[tuple[str, ...]]) -> None:
    family = [Kin(10 + n, 9 + n, float(n), cmdline) for n, cmdline in enumerate(above)]
    family += [Kin(100, 9 + len(above), 5.0, TRAIN), Kin(101, 100, 6.0, TRAIN), Kin(102, 100, 6.0, TRACKER)]
    assert find_main(10, family) == 100


def test_a_worker_of_joblib_is_not_the_training() -> None:
    worker = (
        "/env/bin/python3",
        "-m",
        "joblib.externals.loky.backend.popen_loky_posix",
        "--process-name",
        "LokyProcess-1",
    )
    assert find_main(10, [Kin(10, 1, 0.0, ("bash",)), Kin(11, 10, 1.0, worker)]) is None


@pytest.mark.parametrize(
    "launcher",
    [
        ("/env/bin/python3", "-m", "accelerate.commands.launch", "train.py"),
        ("/env/bin/python3", "/env/bin/horovodrun", "-np", "2", "python", "train.py"),
        ("/env/bin/python3", "-m", "deepspeed.launcher.runner", "train.py"),
    ],
)
def test_a_launcher_whose_script_has_not_started_yet_is_not_the_training(launcher: tuple[str, ...]) -> None:
    assert find_main(10, [Kin(10, 1, 0.0, launcher)]) is None


@pytest.mark.parametrize("numbered", [False, True])
def test_all_ranks_of_a_plain_loop_are_main_processes_with_workers_of_their_own(numbered: bool) -> None:
    script = ("/env/bin/python3", "-u", "train.py")
    ranks = [Kin(100 + n, 10, 5.0 + n / 100, (*script, f"--local_rank={n}") if numbered else script) for n in range(2)]
    workers = [Kin(200 + n, rank.pid, 9.0 + n, rank.cmdline) for n, rank in enumerate(ranks)]
    other = Kin(300, 10, 5.0, ("/env/bin/python3", "board.py"))
    roles = assign_roles(ranks[0], [Kin(10, 1, 0.0, ("torchrun",)), *ranks, *workers, other])
    assert [roles[pid] for pid in (10, 100, 101, 200, 201, 300)] == [
        "other", "main", "main", "train-worker", "train-worker", "other",
    ]  # fmt: skip


def test_a_script_that_trains_in_its_own_process_is_the_main_process() -> None:
    script = ("python", "my_training.py")
    assert find_main(10, [Kin(10, 1, 0.0, script), Kin(11, 10, 1.0, script), Kin(12, 10, 0.5, TRACKER)]) == 10


def test_a_tree_without_python_has_no_main_process() -> None:
    assert find_main(10, [Kin(10, 1, 0.0, ("bash",)), Kin(11, 10, 1.0, ("sleep", "9"))]) is None


@pytest.mark.parametrize("command", ["nnUNetv2_predict", "nnUNetv2_plan_and_preprocess"])
def test_a_command_that_does_not_train_has_pools_and_no_data_workers(command: str) -> None:
    # multiprocessing's Manager is forked: its command line is that of the main process, as a data worker's would be.
    words = ("/env/bin/python3", f"/env/bin/{command}", "-d", "4")
    manager, tracker = Kin(200, 100, 3.0, words), Kin(201, 100, 3.0, TRACKER)
    pool = [Kin(300 + n, 100, 3.0 + n, SPAWN) for n in range(3)]
    roles = assign_roles(_main(cmdline=words), [_main(cmdline=words), manager, tracker, *pool])
    assert roles == {
        100: "main",
        200: "other",
        201: "resource-tracker",
        **dict.fromkeys((300, 301, 302), "pool-worker"),
    }
