"""Logistic regression with a ridge, for a few hundred examples: no library needed."""

import numpy as np
from numpy.typing import NDArray

from rag import gate

Matrix = NDArray[np.float64]
RIDGE = 15.0
"""Penalty on weights of standardised features. Of 0.2, 1, 5 and 15 the best cross-validated AUROC on 146 logs."""
_STEPS = 50
_CLOSE = 1e-8


def fit(features: Matrix, labels: Matrix, weights: Matrix) -> gate.Logistic:
    """Return the regression of `labels` (0 or 1) on `features`, each example counted `weights` times.

    Features are standardised for the ridge; the result takes them as they are. One that never varies gets weight 0.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > _CLOSE, spread, 1.0)
    inputs = np.column_stack([np.ones(len(features)), (features - mean) / scale])
    ridge = np.diag([0.0, *[RIDGE] * features.shape[1]])
    slopes = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        guess = 1 / (1 + np.exp(-np.clip(inputs @ slopes, -30, 30)))
        gradient = inputs.T @ (weights * (guess - labels)) + ridge @ slopes
        curve = (inputs * (weights * guess * (1 - guess))[:, None]).T @ inputs + ridge + _CLOSE * np.eye(len(slopes))
        step = np.linalg.solve(curve, gradient)
        slopes -= step
        if np.abs(step).max() < _CLOSE:
            break
    raw = np.where(spread > _CLOSE, slopes[1:] / scale, 0.0)
    return gate.Logistic(float(slopes[0] - raw @ mean), tuple(float(weight) for weight in raw))
