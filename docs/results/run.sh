#!/bin/sh
# Makes everything that docs/results is about: builds the dataset, trains, evaluates, tabulates.
#
#   sh docs/results/run.sh [RUNS]       # from the checkout; RUNS is docs/results if not given
#
# Hours; what was done is not done again, so that it can be stopped at any time and started again.
# That includes what other machines did and committed: a run is kept here without its checkpoints.
# PARTS="m2 m5 rates", the default, says what is made; SEEDS=1 makes one seed of each run of m2 and
# SEEDS=3, the default, adds the others.
set -e
runs=${1:-docs/results}
seeds=${SEEDS:-3}
python=${PYTHON:-.venv/bin/python}
compare="$python experiments/compare.py --preset=small --config.dataset=shepard_metzler_5 --build \
  --config.log_every=25 --config.accumulate=4"

for part in ${PARTS:-m2 m5 rates}; do
  case $part in
    m2)
      $compare --workdir="$runs/m2" --configs=apoe,baseline,poe --seeds="$seeds" --modalities=m2 \
        --steps=3600 --modes=density,generate,classify \
        --density.images=0,1,5 --density.grasps=0,1,5 \
        --classify.draws=100 --classify.views=1,5 --classify.samples=10
      ;;
    m5)
      for missing in extrapol12 intrapol45; do
        for protocol in reference strict; do
          for absent in prior mask; do
            $compare --workdir="$runs/m5-$missing-$protocol-$absent" --configs=apoe,baseline \
              --seeds=1 --modalities=m5 --steps=2500 --config.missing=$missing \
              --config.protocol=$protocol --config.absent=$absent --modes=missing
          done
        done
      done
      ;;
    rates)
      for rate in 4e-3 8e-3 1.6e-2; do
        $compare --workdir="$runs/rate-$rate" --configs=apoe,baseline,poe --seeds=1 \
          --modalities=m2 --steps=750 --config.learning_rate=$rate --modes=
      done
      ;;
    *)
      echo "there is no part $part; use m2, m5 or rates." >&2
      exit 2
      ;;
  esac
done
