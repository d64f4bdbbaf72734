"""The seam between what is kept of a photograph and what is painted around it."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

RIM = 2  # px on either side of the seam
NEAR = 1.5  # standard deviation of a mean over what is near, in px


def seam_closed(
    painted: np.ndarray,
    kept: np.ndarray,
    keep: Mask,
    inside: np.ndarray,
    outside: np.ndarray,
    reach: float,
) -> np.ndarray:
    """Return what must be added to `painted` (H, W, 3), so that no edge shows at the seam.

    Beside the seam it is the difference between the kept pixels and the painted ones on both sides
    of it; further off a mean over ever more of them, which fades with the distance.

    Args:
        painted, kept: (H, W, 3) float32.
        keep: (H, W), where it is kept.
        inside, outside: (H, W) float32, distance of what is kept from the rest, and of the rest
            from what is kept, in px.
        reach: in px, at which little of it is left.
    """
    inner = (keep & (inside < RIM)).astype(np.float32)[..., None]
    outer = (~keep & (outside < RIM)).astype(np.float32)[..., None]
    sums = np.concatenate([kept * inner, painted * outer, inner, outer], axis=-1)
    added = _spread(sums, outside, 1, 3 * reach)
    return added * np.exp(-((outside / reach) ** 2))[..., None]


def _spread(sums: np.ndarray, distance: np.ndarray, step: int, furthest: float) -> np.ndarray:
    """Return the difference (h, w, 3) at the seam, from near means here to far ones far off.

    Args:
        sums: (h, w, 8): weighted kept and painted colours, and both weights.
        distance: (h, w), from what is kept, in px of the photograph.
        step: px of the photograph between those of `sums`.
        furthest: scale of the furthest means, in px of the photograph.
    """
    near = ndimage.gaussian_filter(sums, (NEAR, NEAR, 0))
    kept, painted = near[..., :3], near[..., 3:6]
    inner, outer = (np.maximum(near[..., k : k + 1], 1e-9) for k in (6, 7))
    added: np.ndarray = kept / inner - painted / outer
    if NEAR * step >= furthest or min(distance.shape) < 4:
        return added
    half = _spread(_halved(sums), _halved(distance[..., None])[..., 0], 2 * step, furthest)
    far = np.repeat(np.repeat(half, 2, axis=0), 2, axis=1)[: len(added), : added.shape[1]]
    far = ndimage.uniform_filter(far, (3, 3, 0))
    share = np.clip(distance / (NEAR * step) - 1, 0, 1).astype(np.float32)[..., None]
    return added + share * (far - added)


def _halved(values: np.ndarray) -> np.ndarray:
    """Return the means of squares of four (h, w, n); an odd edge counts twice."""
    padded = np.pad(values, ((0, len(values) % 2), (0, values.shape[1] % 2), (0, 0)), mode="edge")
    high, wide = padded.shape[0] // 2, padded.shape[1] // 2
    halved: np.ndarray = padded.reshape(high, 2, wide, 2, -1).mean(axis=(1, 3))
    return halved


def distance_from(mask: Mask) -> np.ndarray:
    """Return each pixel's distance (H, W) from a mask, in px."""
    return np.asarray(ndimage.distance_transform_edt(~mask))
