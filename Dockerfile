# Holter without nnU-Net: it watches a training of the host or of another container, and reads tapes.
#
#   docker build -t holter .
#   docker run --rm -it --pid host --cap-add SYS_PTRACE -v "$PWD:/tapes" holter attach PID
#   docker run --rm -it --pid container:NAME --cap-add SYS_PTRACE -v "$PWD:/tapes" holter attach PID
#   docker run --rm -v "$PWD:/tapes" holter diagnose run.holter
#
# --pid              whose processes are seen: those of the host, or of the container NAME. Without it, only its own.
# --cap-add          SYS_PTRACE is what py-spy needs to read Python stacks. Without it the rest is recorded all the same.
# -v …:/tapes        where the tape is written, so that it is still there when the container has gone.
# --gpus all         for readings of the GPU (NVIDIA's container toolkit).
# A results folder or a log is found under the path that the training uses only if it is mounted under the same path:
# -v "$nnUNet_results:$nnUNet_results:ro".
#
# To train under Holter, add it to the image that has nnU-Net instead: `RUN pip install holter.whl`, and start that
# image with `--shm-size 8g` (the data workers hand over their batches in /dev/shm, and Docker gives it 64 MB), `--init`
# and the command `holter train 4 3d_fullres 0`. `holter doctor` in it says what is too small.
#
# BASE is any image with Python 3.10 or newer and venv. Tried: built by buildah 1.28 (chroot isolation) on a Debian 12 base
# with Python 3.11, where it adds 78 MB: `--version`, `diagnose` of a tape, and the stacks of a process of the host by py-spy
# (with SYS_PTRACE; without it "permission denied").
# Not tried: Docker itself, and the BASE below.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
COPY . /source
# No compiler here: the kernels are for training, which this image does not do.
RUN python3 -m venv /opt/holter && /opt/holter/bin/pip install --no-cache-dir /source

FROM ${BASE}
COPY --from=build /opt/holter /opt/holter
ENV PATH=/opt/holter/bin:$PATH LANG=C.UTF-8
WORKDIR /tapes
ENTRYPOINT ["holter"]
