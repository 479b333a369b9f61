#!/bin/sh
# Makes everything that docs/results is about: builds the dataset, trains, evaluates, tabulates.
#
#   sh docs/results/run.sh [RUNS]       # from the checkout; RUNS is docs/results if not given
#
# Hours; what was done is not done again, so that it can be stopped at any time and started again.
# That includes what other machines did: RUNS/runs.tar.xz, if there is one, is unpacked first. It has
# the numbers of runs without their checkpoints; `python -m experiments.compare.archive pack RUNS` adds
# new ones to it.
# PARTS="m2 m2-nothing-withheld m5 rates", the default, says what is made, where m2-nothing-withheld is
# the two parts m2-nothing-withheld-{prior,mask}, and m5 the eight parts
# m5-{extrapol12,intrapol45}-{reference,strict}-{prior,mask}; SEEDS=1 makes one seed of each run, where
# m2 has three if not said otherwise, the two m5-*-strict-mask and two of forms have two, and the rest
# one. The part
# m2-medium, three runs of a larger model, is for a GPU, and made if it is named; so are forms,
# short runs of the seven ways in which beliefs are pooled, and forms-3250, longer ones of two of them,
# each with one table. On a GPU
# AT_ONCE=9 ACCUMULATE=1 makes nine runs side by side; on a CPU a batch in four pieces takes less time.
set -e

child=
stop() { # What is stopped stops what it started, and waits for it.
  trap '' INT TERM HUP
  if [ -n "$child" ]; then
    kill -TERM "$child" && wait "$child" || true
  fi
  exit "$1"
}
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM
run() {
  "$@" &
  child=$!
  wait "$child"
  child=
}

runs=${1:-docs/results}
python=${PYTHON:-.venv/bin/python}
compare="$python experiments/compare.py --preset=small --config.dataset=shepard_metzler_5 --build \
  --at_once=${AT_ONCE:-1} --config.accumulate=${ACCUMULATE:-4} --config.log_every=50 \
  --config.checkpoint_every=250 --config.sample_every=2500"
evaluations="--modes=density,generate,classify --density.images=0,1,5 --density.grasps=0,1,5 \
  --classify.draws=100 --classify.views=1,5 --classify.samples=10"

# How beliefs are pooled, by the names that docs/pooling.md gives, as arguments of `compare`.
form() {
  fields="--modalities=m2 --config.dataset=shepard_metzler_5_tiny"
  case $1 in baseline*) fields="$fields --configs=baseline" ;; *) fields="$fields --configs=apoe" ;; esac
  case $1 in anchored*) fields="$fields --config.pooling=anchored" ;; esac
  case $1 in *-informed) fields="$fields --config.informed=True" ;; esac
  case $1 in *-prior) fields="$fields --config.absent=prior" ;; esac
  echo "$fields"
}

if [ -f "$runs/runs.tar.xz" ]; then
  run $python -m experiments.compare.archive unpack "$runs"
fi

for part in ${PARTS:-m2 m2-nothing-withheld m5 rates}; do
  case $part in
    rates)
      for rate in 4e-3 8e-3 1.6e-2; do
        run $compare --workdir="$runs/rate-$rate" --configs=apoe,baseline,poe --seeds=1 \
          --modalities=m2 --steps=750 --config.learning_rate=$rate --modes=
      done
      for rate in 8e-3 1.6e-2; do
        run $compare --workdir="$runs/rate-$rate-3600" --configs=apoe --seeds=1 \
          --modalities=m2 --steps=3600 --config.learning_rate=$rate --modes=
      done
      for rate in 8e-3 1.6e-2; do
        run $compare --workdir="$runs/rate-$rate-1800-scenes" --configs=apoe --seeds=2 \
          --modalities=m2 --steps=3250 --config.dataset=shepard_metzler_5_tiny \
          --config.learning_rate=$rate --modes=
      done
      long="--modalities=m2 --steps=7200 --config.learning_rate=1.6e-2 \
        --config.validate_every=250 $evaluations"
      run $compare --workdir="$runs/rate-1.6e-2-7200" --configs=apoe --seeds=2 $long
      run $compare --workdir="$runs/rate-1.6e-2-7200-baseline" --configs=baseline --seeds=1 $long
      ;;
    forms | forms-3250)
      made= steps=1300 longer=
      forms="product product-informed baseline anchored anchored-informed baseline-informed \
        product-prior"
      if [ "$part" = forms-3250 ]; then
        steps=3250 longer=-3250 forms="product anchored"
      fi
      for form in $forms; do
        case $form in product | anchored) seeds=2 ;; *) seeds=1 ;; esac
        run $compare --workdir="$runs/forms-$form$longer" $(form $form) --steps=$steps \
          --seeds="${SEEDS:-$seeds}" --config.learning_rate=1.6e-2 --modes=generate \
          --generate.context=image:7,haptic:15 --generate.growing=0,1,7,15
        made="$made $runs/forms-$form$longer"
      done
      run $python -m experiments.compare.beside $made --to="$runs/forms$longer/table"
      ;;
    m2-medium)
      run $compare --workdir="$runs/$part" --preset=medium --configs=apoe,baseline,poe \
        --seeds="${SEEDS:-1}" --modalities=m2 --steps=2291 --config.few_steps=572 \
        --config.validate_every=381 --modes=density,generate,classify \
        --density.images=0,1,5 --density.grasps=0,1,5 \
        --classify.draws=25 --classify.views=1,5 --classify.samples=10
      ;;
    m2-nothing-withheld)
      for absent in prior mask; do
        run env PARTS="$part-$absent" sh "$0" "$runs"
      done
      ;;
    m2 | m2-nothing-withheld-*)
      seeds=3 configs=apoe,baseline,poe trained=
      if [ "$part" != m2 ]; then
        seeds=1 configs=apoe,baseline
        trained="--config.withheld=0 --config.withheld_views=0 --config.absent=${part##*-}"
      fi
      run $compare --workdir="$runs/$part" --configs="$configs" --seeds="${SEEDS:-$seeds}" $trained \
        --modalities=m2 --steps=7200 --config.validate_every=250 $evaluations
      ;;
    m5)
      for missing in extrapol12 intrapol45; do
        for protocol in reference strict; do
          for absent in prior mask; do
            run env PARTS="m5-$missing-$protocol-$absent" sh "$0" "$runs"
          done
        done
      done
      ;;
    m5-*-*-*)
      rest=${part#m5-} missing=${rest%%-*} rest=${rest#*-}
      case $part in m5-*-strict-mask) seeds=2 ;; *) seeds=1 ;; esac
      run $compare --workdir="$runs/$part" --configs=apoe,baseline --seeds="${SEEDS:-$seeds}" \
        --modalities=m5 --steps=2500 --config.few_steps=1250 --config.missing="$missing" \
        --config.protocol="${rest%-*}" --config.absent="${rest#*-}" --modes=missing
      ;;
    *)
      echo "there is no part $part; use forms, forms-3250, m2, m2-medium, m2-nothing-withheld, m5 or rates." >&2
      exit 2
      ;;
  esac
done
