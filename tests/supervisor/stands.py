"""A loop over a DataLoader that stands between two batches, in each of the given ways in turn, for some seconds.

``LIMIT WAY…``: a way that ends in ``!`` never ends. Each way is a function of its own, whose name tests look for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pdb  # noqa: T100
import pty
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent import futures
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

FOR_S = float(sys.argv[1])
RATE = 40_000  # bytes per second of a slow line


class Random(Dataset):
    def __len__(self):
        return 100_000

    def __getitem__(self, index):
        time.sleep(0.002)
        return torch.zeros(4)


def later(do):
    threading.Timer(FOR_S, do).start()


def in_lock():
    lock = threading.Lock()
    lock.acquire()
    later(lock.release)
    lock.acquire()


def in_socket():
    server = socket.create_server(("127.0.0.1", 0))
    line = socket.create_connection(server.getsockname())
    far, _ = server.accept()
    later(lambda: far.sendall(b"x"))
    line.recv(1)


def in_flock():
    with tempfile.NamedTemporaryFile() as file:
        held = os.open(file.name, os.O_RDWR)
        fcntl.flock(held, fcntl.LOCK_EX)
        later(lambda: os.close(held))
        fcntl.flock(file, fcntl.LOCK_EX)


def in_sleep():
    time.sleep(FOR_S)


def in_child():
    subprocess.run(["sleep", str(FOR_S)], check=True)


def computes():
    end_s = time.monotonic() + FOR_S
    while time.monotonic() < end_s:
        sum(range(10_000))


def evaluates():
    """Between two loops: another loader has ended, and its results are scored."""
    for _ in DataLoader(torch.zeros(8), num_workers=1):
        pass
    computes()


def child_computes():
    subprocess.run(["timeout", str(FOR_S), sys.executable, "-c", "while True: pass"], check=False)


def uploads():
    """Four MB that are in memory already, to a server that takes them slowly."""
    server = socket.create_server(("127.0.0.1", 0))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    line = socket.create_connection(server.getsockname())
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    far, _ = server.accept()
    take = "import socket, sys, time\nline = socket.socket(fileno=int(sys.argv[1]))\n" + (
        f"while line.recv({RATE // 10}): time.sleep(0.1)"
    )
    reader = subprocess.Popen([sys.executable, "-c", take, str(far.fileno())], pass_fds=[far.fileno()])
    far.close()
    end_s = time.monotonic() + FOR_S
    while time.monotonic() < end_s:
        line.sendall(bytes(RATE // 4))
    line.close()
    reader.wait()


def child_uploads():
    """A child that sends its memory slowly: it hardly computes and reads nothing."""
    send = (
        "import socket, sys, time\n"
        "here, there = socket.socketpair()\n"
        f"end = time.monotonic() + {FOR_S}\n"
        "while time.monotonic() < end: here.send(bytes(2000)); there.recv(2000); time.sleep(0.4)"
    )
    subprocess.run([sys.executable, "-c", send], check=True)


def thread_uploads():
    with futures.ThreadPoolExecutor(1) as pool:
        pool.submit(uploads).result()


def thread_downloads():
    """250 KB/s, from a program outside the run as far as its processes show."""
    send = (
        "import os, socket, sys, time\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True)\n"
        "line, _ = server.accept()\n"
        "while True: line.sendall(bytes(12500)); time.sleep(0.05)"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("HOLTER", "PYTHONPATH"))}
    shell = f'setsid "{sys.executable}" -c "$0" 2>&1 &'
    server = subprocess.Popen(["sh", "-c", shell, send], env=bare, stdout=subprocess.PIPE)
    line = socket.create_connection(("127.0.0.1", int(server.stdout.readline())))

    def receive():
        end_s = time.monotonic() + FOR_S
        while time.monotonic() < end_s:
            line.recv(65536)

    with futures.ThreadPoolExecutor(1) as pool:
        pool.submit(receive).result()
    line.close()
    server.wait()


def detached_computes():
    """A process that has left the run at once: another session, and its parent has ended."""
    work = f"setsid timeout {FOR_S} {sys.executable} -c 'while True: pass' >/dev/null 2>&1 &"
    subprocess.run(["sh", "-c", work], check=True)
    time.sleep(FOR_S)


def polls():
    done, end_s = threading.Event(), time.monotonic() + FOR_S
    while time.monotonic() < end_s:
        done.wait(0.5)


def looks_for_a_file():
    """Every three seconds, in the main loop."""
    end_s = time.monotonic() + FOR_S
    while time.monotonic() < end_s and not Path("/nowhere/approved").exists():
        time.sleep(3)


def asks_a_queue():
    """Every eight seconds."""
    end_s = time.monotonic() + FOR_S
    while time.monotonic() < end_s:
        with contextlib.suppress(queue.Empty):
            queue.Queue().get(timeout=8)


def asks_a_server():
    """A long poll: the answer of a silent server is waited for six seconds at a time."""
    server = socket.create_server(("127.0.0.1", 0))
    line = socket.create_connection(server.getsockname())
    line.settimeout(6)
    end_s = time.monotonic() + FOR_S
    while time.monotonic() < end_s:
        with contextlib.suppress(TimeoutError):
            line.recv(1)


def asks():
    reads, writes = os.pipe()
    before = os.dup(0)
    os.dup2(reads, 0)
    later(lambda: os.write(writes, b"yes\n"))
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    input("Go on? ")
    os.dup2(before, 0)


def asks_at_terminal():
    import readline  # noqa: F401 - then input() waits in select()

    main, terminal = pty.openpty()
    before = os.dup(0), os.dup(1)
    os.dup2(terminal, 0)
    os.dup2(terminal, 1)
    later(lambda: os.write(main, b"yes\n"))
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    input("Go on? ")
    os.dup2(before[0], 0)
    os.dup2(before[1], 1)


def debugs():
    reads, writes = os.pipe()
    later(lambda: os.write(writes, b"continue\n"))
    pdb.Pdb(stdin=os.fdopen(reads), stdout=sys.stderr).set_trace()
    time.sleep(0.01)


def for_ever():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    torch.set_num_threads(1)
    batches = iter(DataLoader(Random(), batch_size=4, num_workers=2))
    for way in sys.argv[2:]:
        for _ in range(200):
            next(batches)
            time.sleep(0.005)
        print(f"now {way}", flush=True)
        globals()[way]()
    for _ in range(100):
        next(batches)


if __name__ == "__main__":
    main()
