import torch

from ssmviz.training import optimiser


def matrices():
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(rows, columns, generator=rng) for rows, columns in ((64, 16), (16, 32), (24, 32), (64, 16))]


def test_padding_to_one_batch_changes_no_orthogonalised_matrix():
    """On CUDA all shapes share one batch; zeros around a matrix stay zeros and add nothing."""
    given = matrices()
    together = optimiser._fitted(optimiser.orthogonalised(optimiser._padded(given)), given)
    for G, found in zip(given, together, strict=True):
        torch.testing.assert_close(found, optimiser.orthogonalised(G[None])[0], rtol=1e-4, atol=1e-5)


def test_fitting_undoes_padding():
    given = matrices()
    assert all(map(torch.equal, optimiser._fitted(optimiser._padded(given), given), given))
