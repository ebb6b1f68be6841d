"""The ring all-reduce, step by step in NumPy: what workers send each other to add their gradients.

P. Patarasuk and X. Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of
workstations", doi:10.1016/j.jpdc.2008.09.002.
"""

from collections.abc import Sequence

import numpy as np


def ring_all_reduce(vectors: Sequence[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Add one vector of every worker, each worker speaking to its right neighbour only.

    Every vector is cut into as many chunks as there are workers. In the first n-1 steps, each
    worker passes on a chunk and adds the one that it gets (reduce-scatter): then each holds one
    chunk of the sum. In the second n-1 steps, these go round as they are (all-gather).

    Args:
        vectors: one float vector ``(size,)`` a worker, all of one size.

    Returns:
        the sum as every worker holds it in the end, and how many numbers the busiest one sent.

    Raises:
        ValueError: no vector, or vectors of different shapes.
    """
    shapes = sorted({np.shape(vector) for vector in vectors})
    if len(shapes) != 1 or len(shapes[0]) != 1:
        raise ValueError(f"The workers need vectors of one size, but the shapes are {shapes}.")
    count = len(vectors)
    chunks = [[chunk.copy() for chunk in np.array_split(vector, count)] for vector in vectors]
    sent = np.zeros(count, int)
    for step in range(2 * (count - 1)):
        adds = step < count - 1
        # All send at once: so the messages are made before anybody receives one. After the first
        # half, worker w holds the whole sum of chunk w + 1, and sends that first.
        places = [(worker - step) % count for worker in range(count)]
        messages = [(place, chunks[w][place]) for w, place in enumerate(places)]
        sent += [len(message) for _, message in messages]
        for worker in range(count):
            place, message = messages[worker - 1]
            chunks[worker][place] = chunks[worker][place] + message if adds else message
    return [np.concatenate(parts) for parts in chunks], int(sent.max())
