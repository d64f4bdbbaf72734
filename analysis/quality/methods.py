"""The methods of a quality report, fit to be pasted into a paper."""

from analysis.quality import measures
from analysis.quality.assess import Quality
from analysis.quality.sliced import DIRECTIONS
from analysis.quality.treatment import CUT, QUALITY
from analysis.report.words import software

LIMITS = (
    f"Below these numbers of images there is no figure: KID {measures.LEAST_KID}, CMMD "
    f"{measures.LEAST_CMMD}, MIND {measures.LEAST_MIND}, precision, "
    f"recall, density and coverage {measures.LEAST_OVERLAP}, FID {measures.LEAST_FRECHET} "
    f"({measures.LEAST_FRECHET_DOMAIN} in the classifier's features), FID∞ "
    f"{measures.LEAST_INFINITY}, inception score {measures.LEAST_SCORE}, distributions "
    f"{measures.LEAST_DISTRIBUTION}, pairs {measures.LEAST_PAIRS}, shares {measures.LEAST_SHARE}. "
    f"FID below {measures.FEW_FRECHET:,} images is read against its floor only."
)


def methods(quality: Quality) -> list[str]:
    """Return the paragraphs."""
    facts = quality.facts
    extractors = {one.key for one in facts.extractors}
    told = [
        f"All images were treated alike: squares whole, of others the middle square of {CUT:.1%} "
        f"of the short side, brought to {facts.side} px with antialiasing and through JPEG of "
        f"quality {QUALITY}. Real images are one a lesion, so that images are independent and no "
        "lesion is on both sides of a floor.",
        "KID is the unbiased squared maximum mean discrepancy with kernel (x·y / d + 1)³ over all "
        "pairs (Bińkowski et al. 2018), its interval of percentiles over resamples of both sets. "
        "FID is the squared Fréchet distance (Heusel et al. 2017), FID∞ its extrapolation to "
        "infinitely many images (Chong and Forsyth 2020). MIND is the sliced squared 2-Wasserstein "
        f"distance over {DIRECTIONS:,} random directions times three times the number of features "
        "(Berthet et al. 2026). Precision and recall are those of "
        "Kynkäänniemi et al. (2019, k = 3), density and coverage those of Naeem et al. (2020, "
        "k = 5). Their intervals are normal, with the standard error of half-samples (Shao and Wu "
        "1989).",
        LIMITS,
        "Shares carry the score interval of Wilson (1927), differences the hybrid interval of "
        "Newcombe (1998), means of shares over diagnoses the limits of Zou, Huang and Zhang "
        "(2009). No interval is adjusted for the number of diagnoses. The classifier's own errors "
        "are in every figure that uses it.",
        "The lesion is found by colour (Otsu's threshold on the distance from the rim's skin), the "
        "same for both origins; the typology angle is arctan((L* − 50) / b*) of the median skin "
        "in a ring around it (Chardon et al. 1991). Distributions are compared by Wasserstein's "
        "distance, categories by the total variation.",
        "SSIM is that of Wang et al. (2004), Gaussian window of 11 px, of each colour channel and "
        "then averaged; MSE is of values in [0, 1], and PSNR has a peak of 1 accordingly.",
    ]
    if "clip" in extractors:
        told.append(
            "CMMD is the unbiased squared maximum mean discrepancy of CLIP's embeddings, brought "
            "to length 1, with a Gaussian kernel of width 10, times 1000 (Jayasumana et al. 2024); "
            "the authors' program counts pairs of an image with itself, too, and tells more at "
            "small n. Its interval is that of KID."
        )
    if quality.memorisation:
        told.append(
            f"The generator is taken to have learnt from {facts.reference} and not from "
            f"{facts.held_out}. KID from either is compared at equal numbers of each diagnosis, "
            "its difference by percentiles over resamples of all three sets in which the "
            "synthetic images are the same for both. The share of synthetic images whose nearest "
            "real image of their diagnosis was learnt from is compared with that of as many "
            "photographs of the former, each among all others, by Newcombe's interval "
            f"({measures.LEAST_NEAREST} images at least); a warning of a single diagnosis takes "
            "their number into account (Bonferroni)."
        )
    if "inception" in extractors:
        told.append(
            "The inception score is computed of Inception's posterior in ten splits (Salimans et "
            "al. 2016). Its classes are those of everyday things: of skin it says little, and the "
            "published study's score, which was computed of features, is another figure."
        )
    versions = ", ".join(f"{name} {number}" for name, number in software().items())
    told.append(
        f"Computed with {versions}. Whatever is drawn at random is drawn alike each time: the same "
        "images give the same numbers."
    )
    return told
