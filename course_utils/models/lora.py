"""LoRA: a trained network learns a new task through two thin matrices beside each kernel.

Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685: the kernel
W stays as it is, and what is learnt is its change, restricted to low rank: W + (α/r) A B, with A of
``inputs × r`` numbers and B of ``r × outputs``. B starts at zero, so that at first nothing has
changed. As in the paper, a Transformer's query and value projections are adapted.
"""

import math
from collections.abc import Iterator

import keras
from keras import layers, ops

from course_utils.models.attention import TransformerBlock


@keras.saving.register_keras_serializable(package="course_utils")
class LoRA(layers.Layer):
    """``base(x) + (alpha / rank) · (x A) B``: ``(..., inputs)`` to what ``base`` makes of it.

    Args:
        base: a Dense, or an EinsumDense that maps the last axis only (as the projections of
            an attention do, whose kernel is ``(inputs, heads, head_width)``); it is frozen.
        rank: columns of A and rows of B.
        alpha: how strongly a change of A and B acts, independently of the rank; by default
            ``rank``, which makes the factor 1.

    Raises:
        ValueError: a rank that is no positive number or larger than the kernel's, or a base
            of another kind.
    """

    def __init__(self, base: layers.Layer, rank: int, alpha: float | None = None, **kwargs):
        super().__init__(**kwargs)
        if getattr(base, "activation", None) is not keras.activations.linear:
            raise ValueError(
                "LoRA adapts a Dense or EinsumDense layer without activation, "
                f"not {type(base).__name__} {base.name!r}."
            )
        self.base, self.rank = base, rank
        self.alpha = rank if alpha is None else alpha

    def build(self, input_shape):
        if not self.base.built:
            self.base.build(input_shape)
        inputs, *outputs = self.base.kernel.shape
        mapped = self.base.compute_output_shape(input_shape)[len(input_shape) - 1 :]
        if inputs != input_shape[-1] or list(mapped) != outputs:
            raise ValueError(
                f"LoRA adapts a layer that maps the last axis only, not {self.base.name!r} with "
                f"inputs {tuple(input_shape)} and a kernel {(inputs, *outputs)}."
            )
        largest = min(inputs, math.prod(outputs))
        if not 1 <= self.rank <= largest:
            raise ValueError(f"rank must be from 1 to {largest}, not {self.rank}.")
        self.base.trainable = False
        self.a = self.add_weight(shape=(inputs, self.rank), initializer="he_normal", name="a")
        self.b = self.add_weight(shape=(self.rank, *outputs), initializer="zeros", name="b")

    def call(self, x):
        change = ops.tensordot(ops.matmul(x, self.a), self.b, axes=1)  # by way of (..., rank)
        return self.base(x) + (self.alpha / self.rank) * change

    def merge(self) -> layers.Layer:
        """Add the change to the base's kernel for good, and return the base."""
        change = ops.tensordot(ops.convert_to_tensor(self.a), ops.convert_to_tensor(self.b), axes=1)
        self.base.kernel.assign(self.base.kernel + (self.alpha / self.rank) * change)
        return self.base

    def compute_output_shape(self, input_shape):
        return self.base.compute_output_shape(input_shape)

    def get_config(self):
        base = keras.saving.serialize_keras_object(self.base)
        return super().get_config() | {"base": base, "rank": self.rank, "alpha": self.alpha}

    @classmethod
    def from_config(cls, config):
        base = keras.saving.deserialize_keras_object(config["base"])
        return cls(**(config | {"base": base}))


def add_lora(model: keras.Model, rank: int, alpha: float | None = None) -> None:
    """Adapt the queries and values of every `TransformerBlock` of a model, in place.

    From then on only the adapters and the model's last layer learn. What was learnt is
    ``model.trainable_variables``; whoever has the base needs no more than these.

    Args:
        model: a functional model with blocks, built; not compiled yet.
        rank: of each adapter.
        alpha: of each adapter, see `LoRA`.

    Raises:
        ValueError: a model without blocks or with adapters, or a wrong rank.
    """
    attentions = _attentions(model)
    if any(isinstance(attention.query_dense, LoRA) for attention in attentions):
        raise ValueError("The model has adapters already: merge them first.")
    for variable in model.variables:
        variable.trainable = False
    for variable in model.layers[-1].variables:
        variable.trainable = True
    for attention, name, layer in _projections(attentions):
        adapter = LoRA(layer, rank, alpha, name=f"{layer.name}_lora", dtype=layer.dtype_policy)
        adapter.build((None, None, layer.kernel.shape[0]))
        _replace(attention, name, adapter)


def merge_lora(model: keras.Model) -> None:
    """Add all adapters to their kernels and take them out, in place; the outputs stay the same.

    What remains is the network that it was, with other numbers: no layer more to compute.

    Raises:
        ValueError: a model without adapters.
    """
    attentions = _attentions(model)
    if not all(isinstance(attention.query_dense, LoRA) for attention in attentions):
        raise ValueError("The model has no adapters to be merged: add_lora adds them.")
    for attention, name, adapter in _projections(attentions):
        _replace(attention, name, adapter.merge())


def _attentions(model: keras.Model) -> list[layers.MultiHeadAttention]:
    found = [layer.attention for layer in model.layers if isinstance(layer, TransformerBlock)]
    if not found:
        raise ValueError(f"The model {model.name!r} has no TransformerBlock to adapt.")
    return found


def _projections(attentions) -> Iterator[tuple[layers.MultiHeadAttention, str, layers.Layer]]:
    for attention in attentions:
        for name in ("_query_dense", "_value_dense"):
            yield attention, name, getattr(attention, name)


def _replace(attention: layers.MultiHeadAttention, name: str, layer: layers.Layer) -> None:
    # A built layer takes no new parts; Keras's own enable_lora unlocks it in the same way.
    attention._tracker.unlock()
    attention._tracker.untrack(getattr(attention, name))
    setattr(attention, name, layer)
    attention._tracker.lock()
