"""The two small pieces of a translator: a gated recurrent unit, and attention by addition.

Cho et al. 2014, arXiv:1406.1078, equations 5 to 8, and Bahdanau, Cho, Bengio 2015,
arXiv:1409.0473, section 3.1. Both keep float32 under every precision policy: a state that is
rounded at every step drifts.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="course_utils")
class GRUCell(layers.Layer):
    """One step of a GRU: ``(batch, width)`` and the state ``(batch, units)`` to the new state.

    Equations 5 to 8 of Cho et al. 2014, with biases. Shapes and order of the weights (update,
    reset, candidate) are those of ``keras.layers.GRU(reset_after=False)``.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.units = units

    def build(self, x_shape, *_):
        gates = 3 * self.units
        self.kernel = self.add_weight(shape=(x_shape[-1], gates), name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, gates), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(gates,), initializer="zeros", name="bias")

    def call(self, x, h):
        from_x = ops.matmul(x, self.kernel) + self.bias
        x_z, x_r, x_h = ops.split(from_x, 3, axis=-1)
        h_z, h_r = ops.split(ops.matmul(h, self.recurrent_kernel[:, : -self.units]), 2, axis=-1)
        z = ops.sigmoid(x_z + h_z)  # how much of the old state is kept
        r = ops.sigmoid(x_r + h_r)  # how much of it the candidate may see
        candidate = ops.tanh(x_h + ops.matmul(r * h, self.recurrent_kernel[:, -self.units :]))
        return z * h + (1 - z) * candidate

    def get_config(self):
        return super().get_config() | {"units": self.units}


@keras.saving.register_keras_serializable(package="course_utils")
class AdditiveAttention(layers.Layer):
    """Weights of all states for one query: ``v · tanh(W query + U state)``, softmax over time.

    Bahdanau et al. 2015, section 3.1 and appendix A.1.2. ``U state`` does not depend on the
    query and is computed once a sentence, by `project`.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.units = units

    def build(self, query_shape, states_shape):
        self.of_query = self.add_weight(shape=(query_shape[-1], self.units), name="of_query")
        self.of_state = self.add_weight(shape=(states_shape[-1], self.units), name="of_state")
        self.v = self.add_weight(shape=(self.units, 1), name="v")

    def project(self, states):
        return ops.matmul(states, self.of_state)  # (batch, time, units)

    def call(self, query, states, projected, mask):
        """Returns the context ``(batch, width)`` and the weights ``(batch, time)``."""
        hidden = ops.tanh(ops.matmul(query, self.of_query)[:, None] + projected)
        scores = ops.matmul(hidden, self.v)[..., 0]  # (batch, time)
        weights = ops.softmax(ops.where(mask, scores, -1e9), axis=-1)
        return ops.matmul(weights[:, None], states)[:, 0], weights

    def get_config(self):
        return super().get_config() | {"units": self.units}
