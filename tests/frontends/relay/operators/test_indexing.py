"""Indices and formulas against numpy."""

import numpy as np

from tests.frontends.relay.operators.harness import agree, random, refused


def test_adv_index_is_numpys() -> None:
    data = random(3, 4, 5)
    rows, columns = np.array([[0], [2]]), np.array([[1, 3, 0]])
    agree("adv_index((%x, %i, %j))", data[rows, columns], x=data, i=rows, j=columns)
    agree("adv_index((%x, %i))", data[rows], x=data, i=rows)
    refused("adv_index((%x,))", "no indices", x=data)


def test_einsum_is_numpys() -> None:
    left, right = random(2, 3, 4), random(2, 4, 5, seed=1)
    wanted = np.einsum("bij,bjk->bik", left, right)
    agree('einsum((%x, %y), equation="bij,bjk->bik")', wanted, x=left, y=right)
    agree('einsum((%x,), equation="bij->jb")', np.einsum("bij->jb", left), x=left)


def test_reverse_sequence_turns_the_first_elements() -> None:
    data, lengths = random(3, 4), np.array([1, 3, 4], np.int32)
    wanted = data.copy()
    for row, length in enumerate(lengths):
        wanted[row, :length] = data[row, :length][::-1]
    agree("reverse_sequence(%x, %n)", wanted, x=data, n=lengths)
    agree(
        "reverse_sequence(%x, %n, seq_axis=0, batch_axis=1)",
        wanted.T,
        x=np.ascontiguousarray(data.T),
        n=lengths,
    )
