"""The sham control: what our own processing tells, with the same photographs in both arms.

Photographs take the place of generated images. Half of them, whole lesions at a time, come in as a
generator saves its images; whatever tells the halves apart afterwards is ours.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.leakage.checks import LEVEL, Check, Verdict
from analysis.leakage.features import feature_table
from analysis.leakage.separability import separability

Pixels = NDArray[np.uint8]
FeatureTable = Callable[[Pixels], tuple[list[str], NDArray[np.float64]]]

TOLERATED, REFUSED = 0.55, 0.60  # upper bounds of the area under the ROC curve
ENOUGH = 500  # images an arm, where chance is kind; else more are needed


def sham_control(
    usual: Pixels,
    as_generated: Pixels,
    lesions: Sequence[str],
    table: FeatureTable = feature_table,
) -> Check:
    """Check that photographs that come in as generated images do are not told from others.

    Args:
        usual: (n, height, width, 3) stimuli of photographs.
        as_generated: stimuli of the same photographs, saved as a generator saves before.
        lesions: (n,) what belongs together.
        table: computes the features.
    """
    same = int(np.sum(np.all(usual == as_generated, axis=(1, 2, 3))))
    title, n = "Our own processing (sham control)", len(usual)
    figures: dict[str, float | int | str] = {"same": same, "n": n}
    if same == n and n:
        return Check(
            "sham",
            title,
            Verdict.HOLDS,
            f"all {n} photographs become the same stimulus, byte for byte, in either way",
            figures=figures | {"auc": 0.5, "upper": 0.5},
        )
    group = {lesion: k % 2 for k, lesion in enumerate(dict.fromkeys(lesions))}
    arm = np.array([group[lesion] for lesion in lesions])
    if len(group) < 10:
        return Check("sham", title, Verdict.UNSHOWN, f"{n} photographs are too few to tell")
    shown = np.where(arm[:, None, None, None] == 1, as_generated, usual)
    found = separability(table(shown)[1], arm.tolist(), lesions)
    figures |= {"auc": found.auc, "upper": found.upper}
    says = (
        f"AUC {found.auc:.3f}, at most {found.upper:.3f}, in {n} photographs "
        f"(p = {found.p:.3f}); {same} become the same stimulus in either way"
    )
    verdict = Verdict.HOLDS
    if found.upper > TOLERATED:
        verdict = Verdict.FAILS if found.p <= LEVEL else Verdict.UNSHOWN
        says += f"; that it is below {TOLERATED} takes more photographs to show"
    return Check("sham", title, verdict, says, found.p, figures=figures)
