"""The product of experts, the divergence and the density, against float64 NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from gmn_jax.model import gaussians


def product_in_float64(mean_E, logvar_E):
  """The authors' form of the product, term by term."""
  mean_E, logvar_E = np.float64(mean_E), np.float64(logvar_E)
  precision_E = 1 / ((np.exp(logvar_E) + 1e-8) + 1e-8)
  total = precision_E.sum(axis=0)
  return (precision_E * mean_E).sum(axis=0) / total, np.log(1 / total + 1e-8)


def draw_experts(experts, dtype=np.float32, lowest=-60, highest=60):
  rng = np.random.default_rng(experts)
  mean_E = rng.standard_normal((experts, 2000)).astype(dtype)
  return mean_E, rng.uniform(lowest, highest, mean_E.shape).astype(dtype)


@pytest.mark.long
@pytest.mark.parametrize('experts', [2, 5, 14])
def test_product_in_float32_for_sharp_and_for_flat_experts(experts):
  mean_E, logvar_E = draw_experts(experts)
  mean, logvar = gaussians.product(mean_E, logvar_E)
  assert mean.dtype == logvar.dtype == jnp.float32
  expected_mean, expected_logvar = product_in_float64(mean_E, logvar_E)
  # A log-variance of 60 is known to 4e-6 in float32, and so is the weight that it gives.
  np.testing.assert_allclose(mean, expected_mean, rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(logvar, expected_logvar, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize('logvar', [-60.0, 0.0, 60.0])
def test_product_of_equals_divides_the_variance(logvar):
  mean, product = gaussians.product(*np.float32([[[1], [2], [3]], [[logvar]] * 3]))
  np.testing.assert_allclose(mean, [2], rtol=1e-6)
  np.testing.assert_allclose(product, product_in_float64(0, np.full((3, 1), logvar))[1], rtol=1e-6)


@pytest.mark.long
def test_gradient_of_the_product_is_finite_for_sharp_and_for_flat_experts():
  mean_E, logvar_E = draw_experts(5)
  gradients = jax.grad(lambda *args: sum(x.sum() for x in gaussians.product(*args)), (0, 1))(
    mean_E, logvar_E
  )
  assert all(np.isfinite(gradient).all() for gradient in gradients)
  # The means' weights are positive and sum to one.
  assert np.all(gradients[0] >= 0)
  np.testing.assert_allclose(gradients[0].sum(axis=0), 1, rtol=1e-5)


def test_product_over_one_expert_is_that_expert():
  mean_E, logvar_E = draw_experts(1)
  mean, logvar = gaussians.product(mean_E, logvar_E)
  np.testing.assert_array_equal(mean, mean_E[0])
  np.testing.assert_array_equal(logvar, logvar_E[0])


@pytest.mark.long
def test_an_expert_that_is_left_out_has_no_say(x64):
  mean_E, logvar_E = draw_experts(4, np.float64)
  present_E = np.random.default_rng(0).random(mean_E.shape) < 0.5
  present_E[0] = True
  belief = gaussians.product(mean_E, logvar_E, present_E)
  for i in range(50):
    some = present_E[:, i]
    expected = product_in_float64(mean_E[some, i], logvar_E[some, i])
    np.testing.assert_allclose([x[i] for x in belief], expected, rtol=1e-12, atol=1e-12)
  # Not even in the gradient, whatever it believes.
  gradients = jax.grad(
    lambda *args: sum(x.sum() for x in gaussians.product(*args, present_E)), (0, 1)
  )(jnp.where(present_E, mean_E, 1e30), jnp.where(present_E, logvar_E, -700.0))
  for gradient in gradients:
    assert np.all(np.asarray(gradient)[~present_E] == 0)
    assert np.isfinite(gradient).all()


def test_divergence_is_the_mean_log_ratio_of_the_densities(x64):
  rng = np.random.default_rng(0)
  q, p = rng.uniform(-3, 3, (2, 100)), rng.uniform(-3, 3, (2, 100))
  # Three-point Gauss-Hermite quadrature is exact: the log-ratio is quadratic.
  nodes, weights = np.polynomial.hermite_e.hermegauss(3)
  x = np.stack([gaussians.sample(*q, np.full(100, node)) for node in nodes])
  ratio = gaussians.log_density(x, *q) - gaussians.log_density(x, *p)
  expected = weights @ np.asarray(ratio) / weights.sum()
  np.testing.assert_allclose(gaussians.divergence(*q, *p), expected, rtol=1e-12)
  np.testing.assert_allclose(gaussians.divergence(*q, *q), 0, atol=1e-14)


def test_density_has_every_constant(x64):
  x, mean, logvar = np.random.default_rng(0).uniform(-3, 3, (3, 100))
  expected = scipy.stats.norm(mean, np.exp(logvar / 2)).logpdf(x)
  np.testing.assert_allclose(gaussians.log_density(x, mean, logvar), expected, rtol=1e-12)
