"""Linear probes: how much of what is known about scenes can be read off their features linearly.

Ridge regression, and for classes ridge regression onto +-1 per class (scikit-learn's
`RidgeClassifierCV`), on standardised features; the penalty is chosen by leave-one-out validation
within the training scenes.

Dims: N training scenes, T test scenes, F features, C numbers to predict.
"""

import dataclasses
from typing import Any

import numpy as np

from mese_env import installing
from mese_env.errors import UserError

_PENALTIES = np.logspace(-2, 6, 17)


@dataclasses.dataclass(frozen=True)
class Score:
  """How well test scenes were told: a mean over them and its standard error."""

  mean: float
  error: float


def accuracy(
  train_NF: np.ndarray, classes_N: np.ndarray, test_TF: np.ndarray, classes_T: np.ndarray
) -> Score:
  """The share of test scenes whose class a linear classifier tells, in [0, 1]."""
  model = _pipeline(_linear_model().RidgeClassifierCV(_PENALTIES))
  return _score(model.fit(train_NF, classes_N).predict(test_TF) == classes_T)


def chance_accuracy(classes_N: np.ndarray, classes_T: np.ndarray) -> Score:
  """The same for who always names the commonest class of the training scenes."""
  values, counts = np.unique(classes_N, return_counts=True)
  return _score(classes_T == values[counts.argmax()])


def explained(
  train_NF: np.ndarray, numbers_NC: np.ndarray, test_TF: np.ndarray, numbers_TC: np.ndarray
) -> Score:
  """R^2: the share of the squared error of the training scenes' mean that a linear regression
  avoids on the test scenes; at most 1, below 0 where it is worse than that mean.
  """
  model = _pipeline(_linear_model().RidgeCV(_PENALTIES))
  predicted_TC = model.fit(train_NF, numbers_NC).predict(test_TF)
  of_mean = np.square(numbers_TC - numbers_NC.mean(axis=0)).sum(axis=1).mean()
  left = _score(np.square(numbers_TC - predicted_TC).sum(axis=1))
  return Score(1 - left.mean / of_mean, left.error / of_mean)


def _score(values_T: np.ndarray) -> Score:
  values_T = np.asarray(values_T, np.float64)
  error = values_T.std(ddof=1) / np.sqrt(len(values_T)) if len(values_T) > 1 else 0.0
  return Score(float(values_T.mean()), float(error))


def _pipeline(model: Any) -> Any:
  from sklearn import pipeline, preprocessing

  return pipeline.make_pipeline(preprocessing.StandardScaler(), model)


def _linear_model() -> Any:
  try:
    from sklearn import linear_model
  except ImportError as error:
    raise UserError(
      'the linear probe needs scikit-learn, which is not installed; '
      f'`{installing.command("viz")}` installs it.'
    ) from error
  return linear_model
