"""A robot-like task: a pole is balanced on a cart, by what a camera sees.

>>> import course_utils as cu
>>> cu.control.run(cu.control.expert, seeds=range(5)).returns
"""

from course_utils.control.camera import CHANGES, Camera
from course_utils.control.episodes import MAX_STEPS, SEEDS, Episodes, run, stacks
from course_utils.control.evolution import cross_entropy_method
from course_utils.control.imitation import clone, dagger, lessons, network_policy, watched
from course_utils.control.observer import Observer, kalman_gain
from course_utils.control.policy_gradient import advantages, reinforce
from course_utils.control.regulator import (
    HOLD,
    expert,
    expert_force,
    expert_gain,
    linearized,
    lqr_gain,
    random_policy,
)

__all__ = [
    "CHANGES",
    "HOLD",
    "MAX_STEPS",
    "SEEDS",
    "Camera",
    "Episodes",
    "Observer",
    "advantages",
    "clone",
    "cross_entropy_method",
    "dagger",
    "expert",
    "expert_force",
    "expert_gain",
    "kalman_gain",
    "lessons",
    "linearized",
    "lqr_gain",
    "network_policy",
    "random_policy",
    "reinforce",
    "run",
    "stacks",
    "watched",
]
