"""`Dataset`: three splits, the names of the classes, and the card."""

from dataclasses import dataclass, field

import numpy as np

from course_utils.datasets.registry import Card

Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)  # arrays have no single truth value to compare
class Dataset:
    """What `load` returns.

    Attributes:
        name: name of the data set.
        train: inputs and labels to learn from.
        validation: inputs and labels to choose with.
        test: inputs and labels to report on, once.
        class_names: a name for every label, in the order of the labels.
        card: source, licence, citation, known problems.
        captions: where every image has a name, the names of each split by its name, ``(examples,)``
            arrays of ``str``; else empty.
        keywords: in the same way further words, separated by commas.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    card: Card
    captions: dict[str, np.ndarray] = field(default_factory=dict)
    keywords: dict[str, np.ndarray] = field(default_factory=dict)

    def __repr__(self) -> str:
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        lines = [f"  {split:<11} {x.shape} {x.dtype}" for split, (x, _) in splits.items()]
        heading = f"Dataset({self.name!r}: {len(self.class_names)} classes"
        return "\n".join([heading, *lines]) + ")"
