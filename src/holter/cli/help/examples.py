"""Two examples of each command, shown at the end of its help."""

from __future__ import annotations

from holter.sentences import Sentence, define

Example = tuple[str, Sentence]


def _examples(command: str, *examples: tuple[str, str]) -> tuple[Example, ...]:
    return tuple((line, define(f"example.{command}.{number}", what)) for number, (line, what) in enumerate(examples, 1))


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "holter": _examples(
        "holter",
        ("holter doctor 4 3d_fullres", "Can the training start? If not, the setting to change."),
        ("holter train 4 3d_fullres 0", "Train fold 0 with healing; the same command continues it."),
    ),
    "doctor": _examples(
        "doctor",
        ("holter doctor", "Check this machine and the environment of nnU-Net."),
        ("holter doctor 4 3d_fullres -f 0 --json > here.json", "Check one fold too, and keep it to compare machines."),
    ),
    "bench": _examples(
        "bench",
        ("holter bench 4 3d_fullres", "What limits this training here, and what an epoch will take."),
        ("holter bench 4 2d -tr nnUNetTrainerDA5 --json > here.json", "Under another trainer; keep the numbers."),
    ),
    "tune": _examples(
        "tune",
        ("holter tune 4 3d_fullres", "Which workers, threads and data loader train fastest here."),
        ("holter tune 4 3d_fullres --write holter.toml", "Keep them in a file that holter train reads."),
    ),
    "train": _examples(
        "train",
        ("holter train 4 3d_fullres 0", "Train fold 0 of data set 4; the same command continues it after any end."),
        (
            "holter train 4 3d_fullres 0 -tr nnUNetTrainer_250epochs --npz --loader holter",
            "With options of nnUNetv2_train, and with Holter's own data loader.",
        ),
    ),
    "study": _examples(
        "study",
        ("holter study plan 4 5 -c 2d 3d_fullres -f 0-4", "What is done, runs and is missing; starts nothing."),
        (
            "holter study run 4 -c 2d 3d_fullres --gpus 0 1 --keep-going -- --npz",
            "Train what is left, one training on each GPU; the same command continues after any end.",
        ),
    ),
    "run": _examples(
        "run",
        ("holter run -- nnUNetv2_train 4 3d_fullres 0", "Record a training; do nothing to it."),
        (
            'holter run --heal --resume-command "./train.py --go-on" -- ./train.py',
            "Heal a script of your own; it is continued with the second command.",
        ),
    ),
    "attach": _examples(
        "attach",
        ("holter attach 4711", "Record the running training with this PID until it ends."),
        ("holter attach 4711 --for 60", "Look for a minute at a training that hangs."),
    ),
    "config": _examples(
        "config",
        ("holter config", "What holter.toml and the environment set."),
        ("HOLTER_LANG=zh holter config", "With one more setting, for this command only."),
    ),
    "notify-test": _examples(
        "notify-test",
        ("holter notify-test ntfy:my-secret-topic", "Send one message to the app ntfy on a phone."),
        ("holter notify-test", "Try the address that holter.toml or HOLTER_NOTIFY sets."),
    ),
    "web": _examples(
        "web",
        ("holter web run.holter", "Show one run, live, in the browser."),
        ("holter web . --socket ~/.holter-web.sock", "All runs of this folder, on a machine that others use too."),
    ),
    "top": _examples(
        "top",
        ("holter top run.holter", "Watch a run while it is recorded, or look back at one that is over."),
        ("holter top 4711", "Watch the running training with this PID; it is recorded as long as you watch."),
    ),
    "diagnose": _examples(
        "diagnose",
        ("holter diagnose", "The training that runs, or the newest one."),
        ("holter diagnose training_log.txt console.txt", "A run that nobody recorded, from what it left behind."),
    ),
    "ask": _examples(
        "ask",
        ("holter ask", "If you only remember what happened: answer up to eight questions."),
        ("holter ask nvidia-smi.txt -o case.json", "Start from a read-out; write the evidence file case.json."),
    ),
    "report": _examples(
        "report",
        ("holter report run.holter", "Write run.html."),
        ("holter report run.holter --scrub -o to-send.html", "Write a page without paths, names and case identifiers."),
    ),
    "compare": _examples(
        "compare",
        ("holter compare workstation.holter vm.holter -o why.html", "Why is the virtual machine slower?"),
        ("holter compare before.holter after.holter --max-slower 5%", "For CI: exit code 1 if it became slower."),
    ),
    "list": _examples(
        "list",
        ("holter list", "The trainings that run, then those that ended."),
        ("holter list /data/tapes --all", "Every tape below a folder, also of others."),
    ),
    "export": _examples(
        "export",
        ("holter export run.holter", "Write CSV tables into the folder run-csv."),
        ("holter export run.holter --to tensorboard", "Write curves for tensorboard --logdir run-tensorboard."),
    ),
    "metrics": _examples(
        "metrics",
        ("holter metrics alerts > holter.rules.yml", "Alert rules for Prometheus, one for each cause."),
        ("holter metrics dashboard -o holter.json", "A dashboard to import into Grafana."),
    ),
    "prune": _examples(
        "prune",
        ("holter prune --older-than 90d", "Show the tapes that were not written for 90 days; delete nothing."),
        ("holter prune /data/tapes --max-size 20GiB --yes", "Delete the oldest tapes until the others take 20 GiB."),
    ),
    "explain": _examples(
        "explain",
        ("holter explain", "List all causes."),
        ("holter explain frozen-worker", "What happens, how it is recognized, what looks like it, what helps."),
    ),
    "demo": _examples(
        "demo",
        ("holter demo", "A training that is broken twice and healed twice."),
        ("holter demo --fault slow-disk --out demo", "Another fault, only watched; tape and report stay in demo."),
    ),
}
