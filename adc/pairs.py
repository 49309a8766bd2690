"""Scores of a batch's triples, and what their gradient does, as products with one sparse matrix (row of z, item).

Gathering both vectors of every pair and scattering their gradients costs ten times as much as the arithmetic; a
sparse product reads each vector where it lies.
"""

import warnings

import scipy.sparse as sp
import torch

warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")  # said once a process, to every reader

class Pairs:
    """The pairs (row, item) of T triples, each a positive and its c negatives, over the items that they touch.

    row [T], ascending: which of the `rows` of z; item [T, 1 + c]: which of the `items` of a table.
    """

    def __init__(self, row: torch.Tensor, item: torch.Tensor, rows: int, items: int):
        seen = torch.zeros(items, dtype=torch.bool, device=item.device)
        seen[item.flatten()] = True
        self.touched = seen.nonzero()[:, 0]  # [I], each once
        place = torch.empty(items, dtype=torch.int64, device=item.device)
        place[self.touched] = torch.arange(len(self.touched), device=item.device)
        self._column = place[item].flatten()  # [T (1 + c)]
        self._first = torch.zeros(rows + 1, dtype=torch.int64, device=row.device)
        self._first[1:] = torch.bincount(row, minlength=rows).cumsum(0) * item.shape[1]
        self._pairs, self._size = item.shape, (rows, len(self.touched))

    def _matrix(self, values: torch.Tensor) -> torch.Tensor:
        return torch.sparse_csr_tensor(self._first, self._column, values.flatten(), self._size, check_invariants=False)

    def scores(self, z: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """x = z·v of every pair [T, 1 + c], without a graph: z [rows, d], v the vectors of `touched` [I, d]."""
        if len(self._column) > self._size[0] * self._size[1]:  # PyTorch refuses a matrix with more entries than places
            return (z @ v.T)[torch.repeat_interleave(self._first.diff()), self._column].view(self._pairs)
        blank = self._matrix(z.new_zeros(len(self._column)))
        return torch.sparse.sampled_addmm(blank, z, v.T, beta=0.0).values().view(self._pairs)

    def at_rows(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """From the gradient at the scores [T, 1 + c] to that at z [rows, d]."""
        return self._matrix(x) @ v

    def at_items(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """From the gradient at the scores [T, 1 + c] to that at v [I, d]."""
        if z.is_cuda:
            return self._matrix(x).t() @ z
        arrays = (x.flatten().numpy(), self._column.numpy(), self._first.numpy())
        return torch.from_numpy(sp.csr_matrix(arrays, self._size).T @ z.numpy())  # five times as fast as PyTorch's

    def looked_up(self, weight: torch.Tensor) -> torch.Tensor:
        """How often each of `touched` is in a pair [I], the pairs of a triple counted with its weight [T]."""
        return torch.bincount(self._column, weight.repeat_interleave(self._pairs[1]), self._size[1])
