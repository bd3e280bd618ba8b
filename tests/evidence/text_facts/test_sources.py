"""Messages of libraries, kernels, schedulers and shells: each yields all of its facts, wherever it stands."""

from __future__ import annotations

import pytest

from evidence.text_facts.test_messages import AROUND
from holter.evidence.text_facts import facts_of, read_facts
from holter.evidence.text_facts.known import Known
from holter.evidence.text_facts.libraries import MESSAGES as LIBRARIES
from holter.evidence.text_facts.platforms import MESSAGES as PLATFORMS
from holter.evidence.vocabulary import NAMES

TORN = {"exception.truncated_file": True, "episode.kind": "death"}
SOURCES = {
    "numpy-npy": ("ValueError: EOF: reading array data, expected 262144 bytes got 118784", TORN),
    "numpy-npz": ("EOFError: No data left in file", TORN),
    "numpy-memmap": ("ValueError: cannot reshape array of size 9437184 into shape (1,210,512,512)", TORN),
    "zlib": ("zlib.error: Error -3 while decompressing data: invalid stored block lengths", TORN),
    "zipfile": ("zipfile.BadZipFile: Bad CRC-32 for file 'data.npy'", TORN),
    "gzip": ("EOFError: Compressed file ended before the end-of-stream marker was reached", TORN),
    "ecc": ("RuntimeError: CUDA error: uncorrectable ECC error encountered", {"gpu.trouble": "lost"}),
    "tdr": ("Display driver nvlddmkm stopped responding and has successfully recovered.", {"gpu.trouble": "hung"}),
    "launch-timeout": (
        "RuntimeError: CUDA error: the launch timed out and was terminated", {"exception.kind": "cuda-unclear"},
    ),
    "c10d": (
        "terminate called: NCCL watchdog thread terminated with exception", {"exception.kind": "nccl-timeout"},
    ),
    "tcp-store": ("RuntimeError: Socket Timeout", {"exception.kind": "nccl-timeout", "scope.ranks": True}),
    "threads": ("RuntimeError: can't start new thread", {"limit.reached": "processes", "episode.kind": "death"}),
    "openblas": (
        "OpenBLAS blas_thread_init: pthread_create failed for thread 50 of 64: Resource temporarily unavailable",
        {"limit.reached": "processes"},
    ),
    "file-size": ("OSError: [Errno 27] File too large", {"limit.reached": "file-size"}),
    "read-only": ("ValueError: assignment destination is read-only", {"data.read_only": True}),
    "nnunet-cpu": (
        "Prediction on device was unsuccessful, probably due to a lack of memory. Moving results arrays to CPU",
        {"predict.on_cpu": True},
    ),
    "freezer": ("python 4161 D do_freezer_trap", {"episode.kind": "stall"}),
    "slurm-task": ("srun: error: n12: task 0: Out Of Memory", {"oom.kills": 1}),
    "lsf-memory": ("TERM_MEMLIMIT: job killed after reaching LSF memory usage limit.", {"oom.kills": 1}),
    "lsf-time": ("TERM_RUNLIMIT: job killed after reaching LSF run time limit.", {"main.time_limit": True}),
    "pbs-time": ("=>> PBS: job killed: walltime 86436 exceeded limit 86400", {"main.time_limit": True}),
    "kubelet": ("The node was low on resource: memory. Threshold quantity: 100Mi", {"oom.kills": 1}),
    "ephemeral": ("Pod ephemeral local storage usage exceeds the total limit of 10Gi.", {"disk.error": "quota"}),
    "nfs": ("nfs: server nas02 not responding, timed out", {"storage.kernel_errors": None}),
    "ata": ("ata3.00: failed command: READ FPDMA QUEUED", {"storage.kernel_errors": None}),
    "rm-init": ("NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x24:0x65:1423)", {"gpu.trouble": "lost"}),
    "gridd": (
        "nvidia-gridd: Valid GRID license not found. GPU features and performance will be restricted.",
        {"gpu.licence_text": "Unlicensed", "gpu.virtualization": "vgpu"},
    ),
    "german": ("OSError: [Errno 28] Auf dem Gerät ist kein Speicherplatz mehr verfügbar", {"disk.error": "full"}),
    "german-segfault": ("Speicherzugriffsfehler (Speicherabzug geschrieben)", {"main.exit_signal": 11}),
    "french": ("Erreur de segmentation (core dumped)", {"main.exit_signal": 11}),
    "french-files": ("OSError: [Errno 24] Trop de fichiers ouverts", {"exception.kind": "descriptors"}),
    "openblas-old": (
        "OpenBLAS blas_thread_init: pthread_create: Resource temporarily unavailable", {"limit.reached": "processes"},
    ),
    "openmp": ("OMP: Error #34: System unable to allocate necessary resources", {"limit.reached": "processes"}),
    "pbs-cpus": ("=>> PBS: job killed: ncpus 12.1 exceeded limit 8 (sum)", {"main.exit_signal": 15}),
    "pbs-cpu-time": ("=>> PBS: job killed: cput 3614 exceeded limit 3600", {"limit.reached": "cpu-time"}),
    "shm-open": (
        "RuntimeError: unable to open shared memory object </torch_7_9> in read-write mode",
        {"exception.kind": "descriptors"},
    ),
    "shm-nccl": (
        "node7:2143:2561 [1] include/shm.h:28 NCCL WARN Call to posix_fallocate failed : No space left on device",
        {"shm.trouble": "no-room", "shm.no_space": True},
    ),
    "shm-unnamed": (
        "RuntimeError: unable to resize file <filename not specified> to the right size: No space left on device (28)",
        {"shm.no_space": True, "exception.kind": "shared-memory"},
    ),
    "reader": (
        "RuntimeError: [enforce fail at inline_container.cc:110] . PytorchStreamReader failed reading zip archive",
        {"exception.kind": "checkpoint-broken", "exception.role": "main"},
    ),
    "paddle": (
        "Out of memory error on GPU 0. Cannot allocate 1.5GB memory on GPU 0", {"exception.kind": "cuda-oom"},
    ),
    "nvml": ("Failed to initialize NVML: Driver/library version mismatch", {"exception.kind": "cuda-mismatch"}),
    "container-cli": (
        "nvidia-container-cli: initialization error: nvml error: driver/library version mismatch: unknown",
        {"gpu.trouble": "mismatch"},
    ),
    "sigill": ("Illegal instruction (core dumped)", {"main.exit_signal": 4}),
    "anomaly": (
        "RuntimeError: Function 'MulBackward0' returned nan values in its 0th output.", {"episode.kind": "diverged"},
    ),
    "chinese": ("OSError: [Errno 5] 输入/输出错误", {"exception.kind": "remote-file-system"}),
}  # fmt: skip


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(("message", "expected"), SOURCES.values(), ids=SOURCES)
def test_a_message_of_a_source_means_the_same_wherever_it_stands(
    message: str, expected: dict[str, object], around: str
) -> None:
    found = facts_of(around.format(message))
    assert expected.keys() <= found.keys()
    assert {name: found[name].value for name, value in expected.items() if value is not None} == {
        name: value for name, value in expected.items() if value is not None
    }


@pytest.mark.parametrize("message", (*LIBRARIES, *PLATFORMS), ids=lambda message: message.pattern.pattern[:40])
def test_every_message_gives_facts_that_exist(message: Known) -> None:
    assert message.facts
    assert message.facts.keys() <= NAMES


def test_a_message_that_a_terminal_has_broken_is_read() -> None:
    wrapped = (
        "RuntimeError: DataLoader worker (pid 4161) is killed by signal: \nBus error. It is possible that\n"
        "dataloader's workers are out of shared memory."
    )
    assert read_facts(wrapped)["shm.trouble"].value == "no-room"
    coloured = "\x1b[31mRuntimeError: DataLoader worker (pid(s) 77) exited \x1b[0munexpectedly"
    assert read_facts(coloured)["worker.ending"].value == "exited"
    assert read_facts("OSError: [WinError 1455] 頁面文件太小，無法完成操作。")["system.os"].value == "windows"


def test_memory_that_is_refused_for_a_map_is_not_shared_memory_that_is_full() -> None:
    found = facts_of("RuntimeError: unable to mmap 4096 bytes from file </torch_11_22_3>: Cannot allocate memory (12)")
    assert found["exception.kind"].value == "memory"
    assert "shm.trouble" not in found


@pytest.mark.parametrize(
    "text",
    [
        "I train with OMP_NUM_THREADS=1 and an epoch takes an hour, why?",
        "为什么这么慢？环境变量 OMP_NUM_THREADS=1，一个 epoch 要一小时",
    ],
)
def test_a_setting_that_was_made_is_a_fact(text: str) -> None:
    assert facts_of(text)["setting.omp_threads"].value == 1


@pytest.mark.parametrize(
    "text",
    [
        "An epoch took an hour on my machine. Setting OMP_NUM_THREADS=1 reduces it to 5 minutes, why?",
        "训练很慢，设置 OMP_NUM_THREADS=1 之后才变快，这是为什么？",
    ],
)
def test_a_setting_that_helped_was_not_made_when_it_was_slow(text: str) -> None:
    found = facts_of(text)
    assert "setting.omp_threads" not in found
    assert "many-threads" in found["symptoms"].value


@pytest.mark.parametrize(
    "text",
    [
        "my loss becomes inf/nan after some epochs, what can I do?",
        "training loss is nan, why?",
        "请问loss为nan是怎么回事",
        "loss一直是nan，求助",
        "epoch 3 average_loss : nan step 20",
    ],
)
def test_a_loss_that_is_not_a_number_is_read_in_any_words(text: str) -> None:
    assert facts_of(text)["loss.not_finite"].value == ("train_loss",)


@pytest.mark.parametrize(
    "text",
    [
        "The loss is nanometre-scaled, I wonder whether that is right?",
        "We lost information: the loss is infrequent, why?",
        "loss 信息见 nano 文件，请问怎么打开？",
    ],
)
def test_words_that_only_begin_like_nan_are_no_loss(text: str) -> None:
    assert "loss.not_finite" not in facts_of(text)
