#!/bin/sh
# For a GPU that is lent for minutes: compares three forms of belief at medium, then trains full.
#
#   MINUTES=12 sh docs/results/gpu.sh [RUNS]    # from the checkout; RUNS is runs/gpu if not given
#
# It ends within MINUTES, all saved, and the same command goes on: here, or where RUNS/home has been
# brought to. First product, anchored and baseline (docs/pooling.md), m2, at two learning rates, two
# seeds each: 12 runs, and RUNS/table. Then full, m2, in bfloat16, from its last checkpoint on; it
# never ends by itself.
#
# RUNS/home is what to carry: runs.tar.xz, the numbers of all runs, and others.tar, logs and
# pictures, a few MB; and a .tar of the last checkpoint of each run, unfinished runs first, up to
# MOST_MB. One of medium has 43 MB, one of full 632: 1,150 in all. An unfinished run without it
# begins anew.
#
# Sizes. On an NVIDIA H200 three runs of medium side by side began after 90 seconds, and trained on
# 5,440 scenes a second together (docs/results/m2-medium). At that speed 12 runs of 1,150 steps of
# 64 scenes, half of the preset's, take 162 seconds. Building 8,200 scenes takes 16 cores a minute;
# compiling six programs and validating are put at three. Of 12 minutes, one kept for saving, full
# has four, and compiles for one or two of them; its speed there is not known. AT_ONCE=6 pairs of
# seeds go side by side: a second seed finds its program compiled.
#
# TRIAL="--config.width=2 ..." needs no GPU, and sets fields of all runs.
set -e

runs=${1:-runs/gpu}
python=${PYTHON:-.venv/bin/python}
dataset=${DATASET:-shepard_metzler_5_8000_100_100}
steps=${STEPS:-1150}
seconds=$(awk "BEGIN {print int(60 * ${MINUTES:-12})}")
stop=$(($(date +%s) + seconds * 9 / 10))
export XLA_PYTHON_CLIENT_PREALLOCATE="${XLA_PYTHON_CLIENT_PREALLOCATE:-false}"
# Without these XLA compiles for minutes (experiments/bench/gpu.py).
export XLA_FLAGS="${XLA_FLAGS---xla_gpu_experimental_enable_fusion_autotuner=false \
--xla_gpu_enable_triton_gemm=false}"

children='' begun=0 failed=0 stopped='' made=''
pass_on() {
  stopped=$1 stop=0
  for child in $children; do
    kill -TERM "${child%%:*}" 2>/dev/null || true
  done
}
trap 'pass_on 129' HUP
trap 'pass_on 130' INT
trap 'pass_on 143' TERM
limited() { # NAME COMMAND...: in the background while there is time; what it says is in NAME.log.
  name=$1 left=$((stop - $(date +%s)))
  shift
  [ "$left" -gt 0 ] || return 0
  # The second signal is for what compiles, and would save only then. Without --foreground each is
  # sent twice.
  timeout --foreground $((left + seconds / 20)) timeout --foreground "$left" "$@" \
    >>"$runs/$name.log" 2>&1 &
  children="$children $!:$name"
}
settle() { # Waits for what runs.
  for child in $children; do
    code=0
    wait "${child%%:*}" || code=$?
    # A signal ends `wait`, and not what was waited for.
    [ -z "$stopped" ] || wait "${child%%:*}" || true
    case $code in
      0 | 124 | 129 | 130 | 143) ;;
      *) failed=$code && echo "$runs/${child#*:}.log says why that failed." >&2 ;;
    esac
  done
  children=''
}
compare() { # NAME OPTIONS...
  name=$1
  shift
  limited "$name" $python experiments/compare.py --workdir="$runs/$name" --modalities=m2 --modes= \
    --config.dataset="$dataset" --config.validate_scenes=100 "$@" $TRIAL
}
carry() { # The last checkpoints of runs that are finished, yes or no.
  for folder in "$runs"/*/*/checkpoints; do
    run=${folder%/checkpoints} finished=no
    [ ! -f "$run/compare-done.json" ] || finished=yes
    last=$(ls "$folder" 2>/dev/null | grep -x '[1-9][0-9]*' | sort -n | tail -n 1)
    [ "$finished" = "$1" ] && [ -n "$last" ] || continue
    size=$(du -sm "$folder/$last" | cut -f 1) name=${run#"$runs/"}
    if [ "$size" -le "$room" ]; then
      room=$((room - size))
      tar -C "$runs" -cf "$home/$(echo "$name" | tr / -).tar" "$name/checkpoints/$last"
    else
      echo "$folder/$last has $size MB and stays behind: of MOST_MB $room are left." >&2
    fi
  done
}

sees_gpu() { $python -c 'import jax; assert jax.devices()[0].platform == "gpu"' 2>/dev/null; }
if [ -z "$TRIAL" ]; then
  if ! sees_gpu; then
    echo 'JAX sees no GPU here; install the extra [cuda] where there is one, or set TRIAL.' >&2
    exit 2
  fi
  # Through this server programs share a GPU, where there is one and it serves.
  if nvidia-cuda-mps-control -d >/dev/null 2>&1; then
    trap 'echo quit | nvidia-cuda-mps-control' EXIT
    sees_gpu || { echo quit | nvidia-cuda-mps-control && trap - EXIT; }
  fi
fi
mkdir -p "$runs"
for file in "$runs"/home/*.tar; do
  [ ! -f "$file" ] || [ -e "$runs/$(tar -tf "$file" | head -n 1)" ] || tar -C "$runs" -xf "$file"
done
[ ! -f "$runs/home/runs.tar.xz" ] ||
  $python -m experiments.compare.archive unpack "$runs/home" --to="$runs"

limited dataset $python -m tfds_mese --config="$dataset"
settle
for rate in ${RATES:-8e-3 1.6e-2}; do
  for form in ${FORMS:-product anchored baseline}; do
    case $form in baseline) fields=--configs=baseline ;; *) fields=--configs=apoe ;; esac
    case $form in anchored) fields="$fields --config.pooling=anchored" ;; esac
    compare "medium-$form-$rate" $fields --preset=medium --seeds="${SEEDS:-2}" --steps="$steps" \
      --config.few_steps=$((steps / 4)) --config.learning_rate="$rate"
    made="$made $runs/medium-$form-$rate" begun=$((begun + 1))
    [ $((begun % ${AT_ONCE:-6})) -ne 0 ] || settle
  done
done
settle
if [ "$(ls $(printf '%s/compare.txt ' $made) 2>/dev/null | wc -l)" = "$begun" ]; then
  $python -m experiments.compare.beside $made --to="$runs/table"
  compare full --configs=apoe --preset=full --seeds=1 --config.dtype=bfloat16 \
    --config.log_every=25 --config.checkpoint_every=500 --config.validate_every=1000
  settle
fi

home=$runs/home.unfinished room=${MOST_MB:-1500}
rm -rf "$home" "$runs/runs.tar.xz" && mkdir "$home"
$python -m experiments.compare.archive pack "$runs" && cp "$runs/runs.tar.xz" "$home"
tar -C "$runs" -cf "$home/others.tar" $(cd "$runs" && find . -name '*.png' -o -name '*.log')
carry no
carry yes
rm -rf "$runs/home" && mv "$home" "$runs/home"
du -sh "$runs/home"
exit "${stopped:-$failed}"
