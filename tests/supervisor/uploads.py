"""A main process that waits for something that its ticks do not show; run as a program with the name of a way.

Each way begins after ``ready`` was printed, and lasts until the process is killed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures

FAR = """
import os, socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
if "small" in sys.argv:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
print(server.getsockname()[1], flush=True)
lines = []
server.settimeout(0.02)
while os.path.exists("/proc/" + os.environ["FAR_OF"]):
    try:
        lines.append(server.accept()[0])
    except TimeoutError:
        pass
    for line in lines:
        line.settimeout(0.02)
        try:
            {does}
        except OSError:
            pass
    time.sleep(float(sys.argv[1]))
"""
TAKES, GIVES, IS_SILENT = "line.recv(2000)", "line.sendall(bytes(2000))", "pass"


def outside(code: str, *words: str, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    """Start a program that is no process of the run: another session, its parent has ended, and it has no mark."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("HOLTER")}
    return subprocess.Popen(
        ["sh", "-c", f'setsid "{sys.executable}" -c "$0" "$@" 2>/dev/null &', code, *words],
        env={**bare, "FAR_OF": str(os.getpid())},
        stdout=subprocess.PIPE,
        pass_fds=pass_fds,
    )


def far(does: str, *words: str) -> int:
    """Start a server outside the run, and return its port."""
    starter = outside(FAR.format(does=does), *words)
    assert starter.stdout is not None
    port = int(starter.stdout.readline())
    starter.wait()
    return port


def connected(port: int) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    line.connect(("127.0.0.1", port))
    return line


def in_thread(do, *words):
    # A daemon: Python would wait for it at the end of a training, too.
    thread = threading.Thread(target=do, args=words, daemon=True)
    thread.start()
    thread.join()


def send_for_ever(line: socket.socket, piece: int = 1 << 20) -> None:
    while True:
        line.sendall(bytes(piece))


def receive_for_ever(line: socket.socket) -> None:
    while True:
        line.recv(65536)


# ------------------------------------------------------------------------------------------------ something is done


def slow_upload() -> None:
    """20 KB/s in one call of a thread."""
    in_thread(send_for_ever, connected(far(TAKES, "0.06", "small")))


def very_slow_upload() -> None:
    """4 KB/s: the thread sleeps in one call for minutes."""
    in_thread(send_for_ever, connected(far("line.recv(1000)", "0.25", "small")))


def slow_download() -> None:
    in_thread(receive_for_ever, connected(far(GIVES, "0.3")))


def thread_for_each_part() -> None:
    """As a transfer in parts does that makes a thread for each."""
    port = far(TAKES, "0.06", "small")

    def part() -> None:
        with connected(port) as line:
            line.sendall(bytes(60_000))

    while True:
        thread = threading.Thread(target=part)
        thread.start()
        thread.join()


def to_an_agent() -> None:
    """Through a socket of the machine itself to a program that is no process of the run."""
    here, there = socket.socketpair()
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)  # scaled like the limits
    take = f"import socket, time\nline = socket.socket(fileno={there.fileno()})\n"
    take += "while line.recv(2000): time.sleep(0.06)"
    outside(take, pass_fds=(there.fileno(),)).wait()
    there.close()
    in_thread(send_for_ever, here, 4096)


def by_a_child() -> None:
    """A program that main has started sends, and main waits for it."""
    subprocess.run([sys.executable, __file__, "slow_upload"], check=False)


def detached() -> None:
    """A process in a session of its own computes, and its parent has ended."""
    computes = "import time\nwhile True: sum(range(100_000)); time.sleep(0.02)"
    subprocess.run(["sh", "-c", f'setsid "{sys.executable}" -c "$0" >/dev/null 2>&1 &', computes], check=True)
    in_thread(time.sleep, 3600)


def many_slow_ones() -> None:
    """Four connections in four threads."""
    port = far(TAKES, "0.2", "small")
    with futures.ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(send_for_ever, connected(port))


# ------------------------------------------------------------------------------------------------- nothing is done


def silent_server() -> None:
    """A thread waits for the answer of a server that never says anything."""
    line = connected(far(IS_SILENT, "0.5"))
    line.sendall(b"hello")
    in_thread(receive_for_ever, line)


def server_that_takes_no_more() -> None:
    """An upload whose server stopped reading: the queues are full."""
    in_thread(send_for_ever, connected(far(IS_SILENT, "0.5", "small")))


def in_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    in_thread(lock.acquire)


def beside_collectors() -> None:
    """A lock, beside a thread that collects batches and one of the CUDA driver, as their names say."""

    def wakes(name: str) -> None:
        with open("/proc/thread-self/comm", "w") as file:  # noqa: PTH123
            file.write(name)
        while True:
            time.sleep(0.02)

    for name in ("collects-batch", "cuda-EvtHandlr", "cuda00001400006", "pt_nccl_watchdg", "holter-pulse"):
        threading.Thread(target=wakes, args=(name,), daemon=True).start()
    in_lock()


def beside_compile_worker() -> None:
    """A lock, beside a process of Inductor's pool, of which a thread looks every second whether its parent lives."""
    looks = "import time\nwhile True: time.sleep(1)"
    subprocess.Popen([sys.executable, "-c", looks, "compile_worker"], start_new_session=True)
    in_lock()


WORKS = (
    slow_upload, very_slow_upload, slow_download, thread_for_each_part, to_an_agent, by_a_child, detached,
    many_slow_ones,
)  # fmt: skip
STANDS = (silent_server, server_that_takes_no_more, in_lock, beside_collectors, beside_compile_worker)


if __name__ == "__main__":
    print("ready", flush=True)
    globals()[sys.argv[1]]()
