"""The expert: a linear-quadratic regulator that sees the state.

Near the upright the cart-pole is linear, s' = A s + B u, and the force that minimizes
Σ sᵀQs + R u² is u = −K s with K from a Riccati equation (Anderson and Moore 1990, section 2.4).
The cart-pole knows two forces only, so the expert pushes in the direction of u.
"""

import numpy as np

# Gymnasium's CartPole-v1: m/s², kg, kg, m (half the pole), N, s.
GRAVITY, CART, POLE, HALF_LENGTH, FORCE, STEP = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
# Steps from one picture to the next, and from one decision to the next.
HOLD = 2


def linearized() -> tuple[np.ndarray, np.ndarray]:
    """A ``(4, 4)`` and B ``(4, 1)`` from one decision to the next, near the upright.

    A decision is HOLD Euler steps of Gymnasium's with the same force (newtons).

    With sin θ ≈ θ, cos θ ≈ 1 and θ̇² ≈ 0 the equations of motion are (Florian 2007)
    θ̈ = (g θ − u/M) / (l (4/3 − m/M)) and ẍ = u/M − (m l/M) θ̈, where M is the mass of both.
    """
    total = CART + POLE
    inertia = HALF_LENGTH * (4 / 3 - POLE / total)
    angular = np.array([0, 0, GRAVITY, 0]) / inertia, -1 / total / inertia  # of s, of u
    lever = POLE * HALF_LENGTH / total
    derivative = np.array([[0, 1, 0, 0], -lever * angular[0], [0, 0, 0, 1], angular[0]])
    force = np.array([[0], [1 / total - lever * angular[1]], [0], [angular[1]]])
    step = np.eye(4) + STEP * derivative
    powers = [np.linalg.matrix_power(step, i) for i in range(HOLD + 1)]
    return powers[HOLD], sum(powers[:HOLD]) @ force * STEP


def lqr_gain(a: np.ndarray, b: np.ndarray, q: np.ndarray, r: np.ndarray) -> np.ndarray:
    """K ``(inputs, states)`` of the best u = −K s for s' = A s + B u.

    Args:
        a: ``(states, states)``.
        b: ``(states, inputs)``.
        q: ``(states, states)``, the cost of a state.
        r: ``(inputs, inputs)``, the cost of an input.

    Raises:
        ValueError: shapes that do not fit together.
    """
    from scipy.linalg import solve_discrete_are

    n, m = np.shape(b) if np.ndim(b) == 2 else (0, 0)
    if not n or np.shape(a) != (n, n) or np.shape(q) != (n, n) or np.shape(r) != (m, m):
        raise ValueError(
            "lqr_gain needs a (n, n), b (n, m), q (n, n) and r (m, m), not "
            f"{np.shape(a)}, {np.shape(b)}, {np.shape(q)} and {np.shape(r)}."
        )
    p = solve_discrete_are(a, b, q, r)
    return np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)


def expert_gain() -> np.ndarray:
    """K ``(4,)`` of the course's expert: a metre off costs as much as a radian."""
    return lqr_gain(*linearized(), np.diag([1.0, 0.1, 1.0, 0.1]), np.array([[0.1]]))[0]


def expert_force(states: np.ndarray) -> np.ndarray:
    """States ``(..., 4)`` to the force −K s that the expert would like, ``(...)`` float32.

    In units of the force that the cart has, and cut at ± 2 of them.
    """
    return np.clip(-(states @ expert_gain()) / FORCE, -2, 2).astype(np.float32)


def expert(states: np.ndarray) -> np.ndarray:
    """States ``(..., 4)`` to actions ``(...)``: 1, to the right, where the force is positive."""
    return (expert_force(states) > 0).astype(np.int64)


def random_policy(seed: int = 0):
    """A policy that tosses a coin."""
    rng = np.random.default_rng(seed)
    return lambda observations: rng.integers(0, 2, len(observations))
