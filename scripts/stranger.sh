#!/usr/bin/env bash
# Plays a stranger whose training hangs: a new user with an empty home, without root, who types README's lines and no
# others, from nothing to the named cause. Prints the time of each step; exit code 1 if a line fails, the cause is not
# named, or five minutes are over.
#
#     scripts/stranger.sh [--wheel FILE] [--data FOLDER] [README.md]
#
# As root, because it makes the user (and deletes it at the end). The lines are those of the first shell block. Two words
# are replaced: the address to clone by this checkout, and with --wheel also ./holter by the wheel, so that nothing is
# compiled. What is not committed is not cloned.
# FOLDER has the prepared images of an earlier `holter demo` (its folder nnunet). The training is nnUNetv2_train of .venv.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readme=$checkout/README.md wheel="" data=""
limit_s=300
while [ $# -gt 0 ]; do
    case $1 in
        --wheel) wheel=$(realpath "$2"); shift 2 ;;
        --data) data=$(realpath "$2"); shift 2 ;;
        *) readme=$(realpath "$1"); shift ;;
    esac
done
if [ "$(id -u)" -ne 0 ]; then echo "needs root, to make the user" >&2; exit 2; fi

stage=$(mktemp -d) user=stranger$$
chmod 755 "$stage"
tidy() {
    pgrep -u "$user" | xargs --no-run-if-empty kill -KILL 2>/dev/null || true
    # A user with processes stays, and killed ones take a moment to go.
    for _ in $(seq 100); do if ! pgrep -u "$user" >/dev/null; then break; fi; sleep 0.2; done
    userdel "$user" || true
    rm -rf "$stage"
}
trap tidy EXIT
useradd --create-home --home-dir "$stage/home" --shell /bin/bash "$user"

# Where pip finds packages is the machine's business; the rest of the environment is empty.
variables=(HOME="$stage/home" USER="$user" PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8)
mapfile -t pip_variables < <(env | grep -iE '^(PIP_[A-Z_]+|https?_proxy|no_proxy|SSL_CERT_FILE)=' || true)
as_stranger() { # COMMAND LINE
    su "$user" -s /bin/bash -c "cd && exec env -i $(printf '%q ' "${variables[@]}" "${pip_variables[@]}") bash -c $(printf %q "$1")"
}
if [ -f ~/.config/pip/pip.conf ]; then
    install -D -m 644 ~/.config/pip/pip.conf "$stage/home/.config/pip/pip.conf"
    chown -R "$user" "$stage/home/.config"
fi

echo "== before: nnU-Net trains in an environment of its own, and a data worker is frozen"
material=$stage/nnunet
if [ -n "$data" ]; then
    cp -r "$data" "$material"
else
    "$checkout/.venv/bin/python" -c "import sys, pathlib; from holter.demo.prepare import prepare; prepare(pathlib.Path(sys.argv[1]))" "$material"
fi
chown -R "$user" "$material"
packages=$("$checkout/.venv/bin/python" -c "import nnunetv2, pathlib; print(pathlib.Path(nnunetv2.__path__[0]).parent)")
as_stranger "python3 -m venv --without-pip nnunet-env
echo '$packages' > \$(echo nnunet-env/lib/python3.*/site-packages)/packages.pth
{ echo \"#!\$HOME/nnunet-env/bin/python\"; tail -n +2 '$checkout/.venv/bin/nnUNetv2_train'; } > nnunet-env/bin/nnUNetv2_train
chmod +x nnunet-env/bin/nnUNetv2_train"
# A torch without CUDA: torchvision of another kind beside it must not end the search for the trainer.
as_stranger "export nnUNet_raw=$material/nnUNet_raw nnUNet_preprocessed=$material/nnUNet_preprocessed nnUNet_results=\$HOME/results
export nnUNet_n_proc_DA=2 OMP_NUM_THREADS=1 PYTHONPATH=$checkout/tests/cpu_torchvision
nohup nnunet-env/bin/nnUNetv2_train 801 3d_fullres 0 -device cpu -tr nnUNetTrainer_5epochs > train.log 2>&1 &"
for _ in $(seq 600); do
    if grep -qs "Epoch 0" "$stage"/home/results/*/*/fold_0/training_log*; then break; fi
    sleep 1
done
grep -qs "Epoch 0" "$stage"/home/results/*/*/fold_0/training_log* || { tail -5 "$stage/home/train.log" >&2; exit 1; }
main=$(pgrep -u "$user" -of bin/nnUNetv2_train)
worker=$(pgrep -P "$main" -f bin/nnUNetv2_train | head -1)
sleep 10
kill -STOP "$worker"
echo "   $(grep -c . "$stage/home/train.log") lines of output, then silence: worker $worker of $main is stopped"

git clone --quiet --bare "$checkout" "$stage/repository.git"
chown -R "$user" "$stage/repository.git" # git refuses what belongs to somebody else
echo "== README, line by line"
mapfile -t lines < <(awk '/^```sh/ { on = 1; next } /^```/ && on { exit } on' "$readme" | sed 's/ *#.*//')
began=$SECONDS
TIMEFORMAT='   %R s (%U s + %S s of CPU)'
for line in "${lines[@]}"; do
    case $line in "git clone "*) line="git clone file://$stage/repository.git ${line##* }" ;; esac
    if [ -n "$wheel" ]; then
        case $line in "git clone"*) continue ;; esac
        line=${line//.\/holter/$wheel}
    fi
    echo "\$ $line"
    rc=0
    time as_stranger "$line" > "$stage/out" 2>&1 || rc=$?
    case $line in *" diagnose "*) cat "$stage/out" ;; *) [ "$rc" -eq 0 ] || { tail -20 "$stage/out"; exit 1; } ;; esac
done
took_s=$((SECONDS - began))

next=$(sed -n 's/^Verdict: frozen-worker, confirmed\. Next: //p' "$stage/out")
if [ -z "$next" ]; then echo "the cause was not named" >&2; exit 1; fi
echo "\$ $next"
as_stranger "$next"
sleep 1
state=$(ps -o stat= -p "$worker")
case $state in T*) echo "worker $worker is still stopped" >&2; exit 1 ;; esac
echo "== from nothing to the named cause: $took_s s (at most $limit_s s); the worker runs again"
[ "$took_s" -le "$limit_s" ]
