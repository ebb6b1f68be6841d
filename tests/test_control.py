"""Control from pixels: the regulator, the camera, the loop, and the ways to learn."""

import sys

import keras
import numpy as np
import pytest

from course_utils import control
from course_utils.models import build_policy

pytest.importorskip("gymnasium")
pytest.importorskip("pygame")


@pytest.fixture(scope="module")
def camera():
    return control.Camera()


def one_step(state, force):
    """Gymnasium's own equations of motion, HOLD steps with one force."""
    import gymnasium

    environment = gymnasium.make("CartPole-v1").unwrapped
    environment.reset(seed=0)
    environment.force_mag, environment.state = abs(force), np.asarray(state, float)
    for _ in range(control.HOLD):
        environment.step(int(force > 0))
    return np.asarray(environment.state)


@pytest.mark.parametrize("force", [-1e-3, 1e-3])
def test_linear_model_is_the_derivative_of_gymnasiums_cart_pole(force):
    a, b = control.linearized()
    state = 1e-3 * np.array([1.0, -2.0, 1.5, 0.5])
    expected = a @ state + b[:, 0] * force
    np.testing.assert_allclose(one_step(state, force), expected, atol=1e-8)


def test_lqr_gain_of_one_state_is_the_closed_form():
    # Scalar Riccati equation p = a²p − (abp)²/(r + b²p) + q, a quadratic in p.
    a, b, q, r = 1.2, 0.5, 2.0, 0.3
    p = max(np.roots([b * b, r - a * a * r - q * b * b, -q * r]))
    gain = control.lqr_gain(*(np.array([[v]]) for v in (a, b, q, r)))
    assert gain.shape == (1, 1)
    assert gain[0, 0] == pytest.approx(a * b * p / (r + b * b * p))


def test_expert_gain_is_where_iterated_riccati_equations_end():
    a, b = control.linearized()
    q, r = np.diag([1.0, 0.1, 1.0, 0.1]), np.array([[0.1]])
    p = q
    for _ in range(3000):
        gain = np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)
        p = q + a.T @ p @ (a - b @ gain)
    np.testing.assert_allclose(control.expert_gain(), gain[0], rtol=1e-6)
    assert np.abs(np.linalg.eigvals(a - b @ gain)).max() < 1 < np.abs(np.linalg.eigvals(a)).max()


def test_kalman_gain_is_where_iterated_covariances_end():
    a, _ = control.linearized()
    c = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
    process, measurement = np.diag([1e-6, 1e-4, 1e-6, 1e-3]), np.diag([1e-3, 1e-4])
    p = np.eye(4)
    for _ in range(3000):
        gain = p @ c.T @ np.linalg.inv(c @ p @ c.T + measurement)
        p = a @ (p - gain @ c @ p) @ a.T + process
    found = control.kalman_gain(a, c, process, measurement)
    np.testing.assert_allclose(found, gain, rtol=1e-5)


def test_expert_balances_and_chance_does_not():
    seeds = control.SEEDS["train"][:6]
    assert (control.run(control.expert, seeds).returns == control.MAX_STEPS).all()
    assert control.run(control.random_policy(), seeds).returns.mean() < 60


def test_returns_are_those_of_gymnasium_alone():
    import gymnasium

    seeds = control.SEEDS["train"][:4]
    found = control.run(lambda states: np.ones(len(states)), seeds)
    expected = []
    for seed in seeds:
        environment = gymnasium.make("CartPole-v1")
        environment.reset(seed=int(seed))
        steps, ended = 0, False
        while not ended:
            _, _, ended, _, _ = environment.step(1)
            steps += 1
        expected.append(steps)
    np.testing.assert_array_equal(found.returns, expected)
    np.testing.assert_array_equal(found.valid.sum(axis=1), -(-found.returns // control.HOLD))


def test_an_episode_does_not_depend_on_its_company():
    alone = control.run(control.expert, [7], max_steps=60)
    together = control.run(control.expert, [3, 7], max_steps=60)
    np.testing.assert_array_equal(alone.states[0], together.states[1])


def test_delayed_actions_arrive_later():
    # After two decisions the pole leans the other way than an undelayed push would make it lean.
    push = control.run(lambda states: np.ones(len(states)), [0], max_steps=8, spread=1e-6)
    late = control.run(lambda states: np.ones(len(states)), [0], max_steps=8, spread=1e-6, delay=1)
    np.testing.assert_array_equal(push.actions, late.actions)
    assert push.states[0, 1, 1] > 0 > late.states[0, 1, 1]  # the first push went to the left
    assert late.states[0, 2, 1] > late.states[0, 1, 1]


def test_a_policy_that_is_the_experts_gets_the_experts_return_through_the_camera(camera):
    seeds = control.SEEDS["train"][:3]
    driven = control.run(control.expert, seeds, max_steps=40)
    replay = iter(driven.actions.T)
    seen = control.run(lambda stacks: next(replay), seeds, camera=camera, max_steps=40)
    np.testing.assert_array_equal(seen.returns, driven.returns)
    np.testing.assert_array_equal(seen.states, driven.states)
    np.testing.assert_array_equal(seen.pictures, control.watched(driven, camera).pictures)


def test_stacks_are_what_the_policy_saw_the_newest_last(camera):
    shown = []

    def policy(stack):
        shown.append(stack)
        return np.ones(len(stack))

    driven = control.run(policy, [0, 1], camera=camera, frames=3, max_steps=10)
    found = control.stacks(driven.pictures, 3)
    np.testing.assert_array_equal(found, np.stack(shown, axis=1))
    np.testing.assert_array_equal(found[..., -1], driven.pictures)
    np.testing.assert_array_equal(found[:, 3, ..., 0], driven.pictures[:, 1])
    np.testing.assert_array_equal(found[:, 0, ..., 0], driven.pictures[:, 0])


def test_camera_sees_cart_and_pole_where_they_are(camera):
    pictures = 255.0 - camera.photograph([[-1.0, 9, 0, 9], [1.0, 0, 0, 0], [1.0, 0, 0.2, 0]])
    columns = np.arange(120)
    cart = (pictures[:, 25:27] * columns).sum((1, 2)) / pictures[:, 25:27].sum((1, 2))
    np.testing.assert_allclose(cart, 59.5 + 25 * np.array([-1.0, 1, 1]), atol=1)
    top = (pictures[:, 4:8] * columns).sum((1, 2)) / pictures[:, 4:8].sum((1, 2))
    assert top[0] == pytest.approx(cart[0], abs=0.5)
    assert top[2] > top[1] + 3  # a positive angle leans to the right


@pytest.mark.parametrize("change", control.CHANGES.values(), ids=control.CHANGES)
def test_every_changed_camera_changes_pictures_and_keeps_their_shape(camera, change):
    states = np.zeros((2, 4))
    before, after = camera.colour(states), control.Camera(change).colour(states)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert np.any(before != after)


def test_dagger_lets_the_learner_drive_and_the_expert_speak(camera, seeded):
    model = build_policy(widths=(4, 4, 4), dense_width=8)

    def learn(known):
        control.clone(model, known, epochs=1)
        return model

    rounds = control.dagger(learn, camera, range(4), rounds=2, max_steps=60)
    (_, first), (_, second) = rounds
    assert len(first[0]) == 2 * 30  # the expert does not fall
    assert len(second[0]) > len(first[0])
    np.testing.assert_array_equal(second[0][: len(first[0])], first[0])
    by_expert = control.run(control.expert, [0, 1], max_steps=60)
    np.testing.assert_allclose(first[1].reshape(2, 30), control.expert_force(by_expert.states))


def test_observer_balances_with_noisy_eyes(camera):
    class Measure:
        """The truth with errors, in the place of a network that looks at pictures."""

        rng = np.random.default_rng(0)

        def __call__(self, states):
            return states[:, [0, 2]] + self.rng.normal(0, (0.03, 0.01), (len(states), 2))

    observer = control.Observer(Measure(), (0.03, 0.01))
    assert control.run(observer, control.SEEDS["train"][:5]).returns.min() >= 450


def test_advantages_by_hand():
    valid = np.array([[True, True, True], [True, False, False]])
    to_go = np.array([[1.75, 1.5, 1.0], [1.0, 0, 0]])
    above = to_go - to_go.mean(axis=0)
    found = control.advantages(valid, discount=0.5)
    np.testing.assert_allclose(found, above / above[valid].std(), rtol=1e-5)


def test_reinforce_repeats_what_went_better(camera, seeded, monkeypatch):
    """In a world where going right is all that counts, it learns to go right."""
    model = build_policy(widths=(4, 4, 4), dense_width=8)
    shown = np.full((16, 8, 32, 120), 200, np.uint8)

    def world(policy, seeds, **_):
        actions = policy(np.repeat(shown[:, 0, ..., None], 2, -1))[:, None].repeat(8, 1)
        valid = np.arange(8) < np.where(actions[:, :1] == 1, 8, 3)
        return control.Episodes(np.zeros((16, 8, 4)), actions, valid, valid.sum(1), shown)

    monkeypatch.setattr("course_utils.control.policy_gradient.run", world)
    returns = list(control.reinforce(model, camera, updates=25, learning_rate=1e-2))
    assert np.mean(returns[-3:]) > np.mean(returns[:3]) + 1


def test_cross_entropy_method_finds_the_top_of_a_hill():
    top = np.array([1.0, -2.0])
    generations = list(
        control.cross_entropy_method(lambda x: -((x - top) ** 2).sum(1), 2, generations=20)
    )
    np.testing.assert_allclose(generations[-1][0], top, atol=0.1)
    assert generations[-1][1].mean() > generations[0][1].mean()


def test_saved_policy_gives_equal_outputs(tmp_path, seeded):
    model = build_policy(num_outputs=2, shift=0.1, brightness=0.2)
    x = np.random.default_rng(0).integers(0, 256, (3, 32, 120, 2)).astype(np.float32)
    model.save(tmp_path / "policy.keras")
    loaded = keras.models.load_model(tmp_path / "policy.keras")
    np.testing.assert_allclose(loaded(x, training=False), model(x, training=False), atol=1e-6)


def test_policy_parameters_are_those_counted_by_hand():
    convolutions = 25 * 2 * 16 + 16 + 9 * 16 * 32 + 32 + 9 * 32 * 32 + 32
    assert build_policy().count_params() == convolutions + (4 * 15 * 32 + 1) * 64 + 65


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: control.run(control.expert, []), "one seed for each episode"),
        (lambda: control.run(control.expert, [0], frames=0), "frames must be at least 1"),
        (lambda: control.run(control.expert, [0], delay=-1), "delay at least 0"),
        (lambda: control.run(control.expert, [0], max_steps=501), "max_steps within 1..500"),
        (lambda: control.Camera().photograph(np.zeros(4)), r"states \(n, 4\), not \(4,\)"),
        (lambda: control.lqr_gain(*np.zeros((4, 2, 3))), "lqr_gain needs a"),
        (lambda: control.lessons(control.run(control.expert, [0])), "have no pictures"),
        (lambda: next(control.dagger(None, None, [0], rounds=2)), "got 1 for 2"),
        (lambda: next(control.cross_entropy_method(None, 2, generations=1, elite=1)), "2..39"),
        (lambda: build_policy((32, 120)), r"\(height, width, frames\)"),
        (lambda: build_policy((4, 120, 2)), "at least 8×8 pixels"),
        (lambda: build_policy(num_outputs=0), "at least 1, not 0"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("missing", ["gymnasium", "pygame"])
def test_without_its_packages_it_says_what_to_install(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    for call in (control.Camera, lambda: control.run(control.expert, [0])):
        with pytest.raises(
            ModuleNotFoundError, match=r'pip install "gymnasium\[classic-control\]"'
        ):
            call()


@pytest.mark.parametrize("name", ["control-clone", "control-dagger", "control-augmented"])
def test_shipped_policies_do_what_their_cards_say(camera, name):
    """On three validation episodes; the cards' test returns are means of thirty others."""
    from course_utils import checkpoints

    card = checkpoints.card(name)
    policy = control.network_policy(checkpoints.load(name))
    found = control.run(policy, control.SEEDS["validation"][:3], camera=camera, max_steps=100)
    assert found.returns.mean() >= min(0.5 * card.metrics["test return"], 90)
