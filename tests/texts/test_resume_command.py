"""How a training goes on: never a command that begins again, or that its program does not take."""

from __future__ import annotations

import shlex

import pytest

from holter.texts.resume_command import in_folder, printed, resume_command, validate_command

TRAIN = "nnUNetv2_train 4 3d_fullres 0"


@pytest.mark.parametrize(
    ("command", "goes_on"),
    [
        (TRAIN, f"{TRAIN} --c"),
        (f"{TRAIN} -p nnUNetResEncUNetLPlans", f"{TRAIN} -p nnUNetResEncUNetLPlans --c"),
        (f"{TRAIN} --c", f"{TRAIN} --c"),
        (f"{TRAIN} --val", f"{TRAIN} --val"),
        (f"{TRAIN} -pretrained_weights x.pth --npz", f"{TRAIN} --npz --c"),
        (f"{TRAIN} -pre=x.pth", f"{TRAIN} --c"),
        (
            "nnUNetv2_train_pretrained 4 2d 0 -p mae --from_scratch",
            "nnUNetv2_train_pretrained 4 2d 0 -p mae --from_scratch --c",
        ),
        (f"srun --gres=gpu:1 {TRAIN}", f"srun --gres=gpu:1 {TRAIN} --c"),
        (f"conda run -n seg {TRAIN}", f"conda run -n seg {TRAIN} --c"),
        (f"nice -n 5 {TRAIN}", f"nice -n 5 {TRAIN} --c"),
        (
            "torchrun --nnodes 1 -m nnunetv2.run.run_training 4 2d 0",
            "torchrun --nnodes 1 -m nnunetv2.run.run_training 4 2d 0 --c",
        ),
        ("python -m nnunetv2.run.run_training 4 2d all", "python -m nnunetv2.run.run_training 4 2d all --c"),
        (f"bash -c '{TRAIN}'", f"bash -c '{TRAIN} --c'"),
        (f"bash -lc '{TRAIN} -device cuda'", f"bash -lc '{TRAIN} -device cuda --c'"),
        (f"env A=1 sh -c 'exec_me=1 {TRAIN}'", f"env A=1 sh -c 'exec_me=1 {TRAIN} --c'"),
        (f"bash -c 'nohup nice -n 5 {TRAIN}'", f"bash -c 'nohup nice -n 5 {TRAIN} --c'"),
        (
            f"bash -c 'srun -n 1 --mem=8G timeout -s INT 24h {TRAIN}'",
            f"bash -c 'srun -n 1 --mem=8G timeout -s INT 24h {TRAIN} --c'",
        ),
        (f"bash -c 'conda run -n seg {TRAIN}'", f"bash -c 'conda run -n seg {TRAIN} --c'"),
        *(
            (f"{front} {TRAIN}", f"{front} {TRAIN} --c")
            for front in (
                "env -u LANG CUDA_VISIBLE_DEVICES=1",
                "srun --pty -p gpu --cpus-per-gpu 8 --export=ALL",
                "torchrun --nproc_per_node 1 --rdzv-backend c10d --standalone",
                "python3.11 -X dev -m torch.distributed.run --nproc_per_node 2",
                "/opt/conda/bin/python /opt/conda/bin/conda run --no-capture-output -p /opt/seg",
                "python -u /opt/venv/bin/accelerate launch --num_processes 1",
                "systemd-run --user --scope -p MemoryMax=60G",
                "apptainer exec --nv -B /data:/data seg.sif",
                "numactl -N 0 -m 0 taskset -c 0-7 ionice -c 3 nohup stdbuf -oL",
                "chrt --batch 0 setsid flock -w 60 /tmp/gpu.lock time -p timeout -k 10 20h",
                "uv run --project seg --",
                "sudo -u trainer -E",
                "py-spy record -o flame.svg -- python",
            )
        ),
    ],
)
def test_nnunet_is_continued_where_its_last_word_stands(command: str, goes_on: str) -> None:
    resume = resume_command(shlex.split(command))
    assert resume.text == shlex.join(shlex.split(goes_on))
    assert resume.why_not is None and not resume.is_given


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("python my_train.py --epochs 5", "resume.no-training"),
        ("torchrun --nproc_per_node 2 my_train.py 4 3d_fullres 0", "resume.no-training"),
        ("nnUNet_train 3d_fullres nnUNetTrainerV2 4 0", "resume.no-training"),
        ("nnUNetv2_train 4", "resume.no-training"),
        ("./start.sh", "resume.no-training"),
        (f"bash -c 'cd /data && {TRAIN}'", "resume.shell-script"),
        (f"bash -c '{TRAIN} | tee log.txt'", "resume.shell-script"),
        ("bash -c 'for f in 0 1; do nnUNetv2_train 4 3d_fullres $f; done'", "resume.shell-script"),
        ("bash -c 'nnUNetv2_train 4 3d_fullres $(cat fold)'", "resume.shell-script"),
        (f"bash -c '{TRAIN}; echo done'", "resume.shell-script"),
        (f"bash -c '{TRAIN} > log.txt 2>&1'", "resume.shell-script"),
        (f"bash -c '{TRAIN} # first fold'", "resume.shell-script"),
        (f"bash -c 'until {TRAIN}'", "resume.shell-script"),
        (f"bash -c '! {TRAIN}'", "resume.shell-script"),
        (f"bash -c 'echo {TRAIN}'", "resume.shell-script"),
        (f"bash -c 'nice echo {TRAIN}'", "resume.shell-script"),
        ("bash run_all.sh 4 3d_fullres 0", "resume.shell-script"),
        ("bash", "resume.shell-script"),
        (f"srun bash -c 'module load cuda; {TRAIN}'", "resume.shell-script"),
        # These give the option another meaning, or start a second training beside one that still runs.
        *(
            (words, "resume.launcher-unknown")
            for words in (
                "parallel nnUNetv2_train 4 3d_fullres -- 0 1",
                "parallel nnUNetv2_train 4 3d_fullres ::: 0 1",
                "/usr/bin/perl /usr/bin/parallel nnUNetv2_train 4 3d_fullres ::: 0 1",
                f"nice -n 5 parallel -j 2 {TRAIN} :::: folds.txt",
                f"echo {TRAIN}",
                f"find . -name go -exec {TRAIN} ;",
                "xargs nnUNetv2_train 4 3d_fullres 0",
                f"watch -n 5 {TRAIN}",
                f"ssh gpu3 {TRAIN}",
                f"docker exec seg {TRAIN}",
                f"docker run --gpus all seg {TRAIN}",
                f"systemd-run --user {TRAIN}",
                f"conda install {TRAIN}",
                f"python my_launcher.py {TRAIN}",
                f"python -c 'import os' {TRAIN}",
                f"ssh gpu3 bash -c '{TRAIN}'",
                "xargs -I{} bash -c 'nnUNetv2_train 4 3d_fullres {}'",
            )
        ),
    ],
)
def test_where_no_command_is_known_the_reason_is_said(command: str, why: str) -> None:
    resume = resume_command(shlex.split(command))
    assert resume.command is None and resume.text is None
    assert resume.why_not is not None and resume.why_not.key == why


@pytest.mark.parametrize(
    "command",
    [
        "python -m nnunetv2.run.run_training 4 2d 0 -pretrained_weights=weights/x.pth",
        "./nnUNetv2_train 4 3d_fullres 0",
        f"python ../my_launcher.py {TRAIN}",
        "bash -c 'venv/bin/python my_train.py --lr 0.5'",
        "python -m my_package.train",
        "python train.py",
        "accelerate launch --config_file=conf.yaml train.py",
        "nnUNetv2_predict -i images -o /out",
        # Programs that find what they need in the folder in which they are started.
        "make train",
        "srun --gres=gpu:1 make train",
        "bash -c 'make train'",
        "./train.sh",
        "bash run_fold",
        "python train.pyc",
        "python -mmy_package.train",
        "python my_project",
        "torchrun --nnodes 1 my_project",
        f"uv run {TRAIN}",
        f"bash -c 'poetry run {TRAIN}'",
        f"apptainer exec seg.sif {TRAIN}",
    ],
)
def test_a_command_with_a_relative_path_is_printed_for_any_folder(command: str) -> None:
    words = shlex.split(command)
    assert in_folder(words, "/home/me/my project") == "cd '/home/me/my project' && "
    assert in_folder(words, None) == ""
    given = resume_command(words, f"{command} --more", "/my project")
    assert given.text is not None and given.text.startswith("cd '/my project' && ") and given.text.endswith(" --more")
    assert given.command == (*words, "--more"), "without a shell it is started as it is"


@pytest.mark.parametrize(
    "command",
    [
        TRAIN,
        f"/opt/conda/bin/python /opt/conda/bin/conda run -n seg {TRAIN}",
        "torchrun --nproc_per_node 2 -m nnunetv2.run.run_training 4 2d 0",
        f"numactl -N 0 -m 0 timeout 2.5 env A=1.0 B=/data/x.json {TRAIN}",
        f"bash -lc '{TRAIN}'",
        "holter train 4 2d 0",
        "/opt/venv/bin/python -m holter.trainer.entry 4 2d 0",
        "nnUNet_train 3d_fullres nnUNetTrainerV2 4 0",
        "python /data/train.py --url tcp://host:1/x --out ~/out",
    ],
)
def test_a_command_that_means_the_same_everywhere_is_printed_alone(command: str) -> None:
    assert in_folder(shlex.split(command), "/home/me") == ""


def test_the_reason_names_the_program_that_may_not_pass_the_option_on() -> None:
    why = resume_command(shlex.split(f"nice /usr/bin/parallel {TRAIN}")).why_not
    assert why is not None and dict(why.values) == {"program": "parallel", "option": "--c"}
    given = resume_command(shlex.split(f"parallel {TRAIN}"), "parallel nnUNetv2_train 4 3d_fullres {} --c ::: 0 1")
    assert given.command is not None


def test_what_the_user_gives_is_taken_as_it_is() -> None:
    resume = resume_command(["python", "my_train.py"], "python my_train.py --resume 'last ckpt.pth'")
    assert resume.command == ("python", "my_train.py", "--resume", "last ckpt.pth")
    assert resume.is_given


def test_a_run_of_holter_train_is_continued_by_the_same_words() -> None:
    assert resume_command(shlex.split("nice holter train 4 2d 0")).text == "nice holter train 4 2d 0 --c"
    ours = ["/opt/python", "-m", "holter.trainer.entry", "4", "2d", "0", "--loader", "holter", "--c"]
    assert printed(ours) == "holter train 4 2d 0 --loader holter"
    assert printed([*ours[:6], "--loader", "stock"]) == "holter train 4 2d 0 --loader stock"
    assert printed([*ours[:6], "--loader", "auto"]) == "holter train 4 2d 0", "what holter train does without it"


def test_the_final_validation_alone_is_asked_for_in_the_same_places() -> None:
    assert validate_command(shlex.split(TRAIN)).text == f"{TRAIN} --val"
    assert validate_command(["bash", "-c", TRAIN]).text == f"bash -c '{TRAIN} --val'"
    assert validate_command(["python", "x.py"]).command is None
