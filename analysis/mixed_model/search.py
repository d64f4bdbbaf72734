"""The search for the parameters of a crossed model under which its answers are likeliest."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from analysis.mixed_model.data import Data
from analysis.mixed_model.laplace import CrossedLikelihood, curve

Floats = NDArray[np.float64]

LARGEST = 10.0  # linear predictors or standard errors beyond it are those of separated answers
NOISE = 1e-7  # how exactly a likelihood is known: modes of the effects are found to some digits
PRIOR_SD = 2.5  # of the penalty on separated answers (Gelman et al. 2008, Ann Appl Stat 2:1360)


WALL = 35.0  # linear predictors beyond it mean that nothing holds a coefficient


class Diverging(Exception):
    """The likelihood rises without end: the answers are separated."""


@dataclass(frozen=True)
class Solution:
    """Where the search ended.

    Attributes:
        likelihood: what was maximised, up to a penalty.
        given: how many coefficients are those of the caller's columns.
        slope: place of the column whose effect differs between raters.
        parameters: coefficients, then entries of Lambda.
        free: which are not at the edge of what is possible.
        covariance: of the free ones, from the observed information.
        log_likelihood: without the penalty.
        effects: modes of raters (size, q) and images.
        converged: the likelihood is level there.
        separated: some predictor or standard error is too large to be believed.
    """

    likelihood: CrossedLikelihood
    given: int
    slope: int | None
    parameters: Floats
    free: tuple[int, ...]
    covariance: Floats
    log_likelihood: float
    effects: tuple[Floats, Floats]
    converged: bool
    separated: bool


class Problem:
    """The search for the largest likelihood, in parameters of about unit curvature."""

    def __init__(self, likelihood: CrossedLikelihood, data: Data, *, penalised: bool) -> None:
        self._likelihood, self._data, self._penalised = likelihood, data, penalised
        # Entries of Lambda: factor, row, column.
        self._entries = [
            (which, a, b) for which, factor in enumerate(data.factors) for a, b in factor.entries
        ]
        self._fixed = likelihood.fixed
        self._spread = np.concatenate([data.scale, np.ones(len(self._entries))])

    def solve(self, *, quick: bool = False) -> Solution:
        """Search from coefficients without random effects.

        Args:
            quick: take errors of coefficients from Fisher's information, and none of SDs.

        Raises:
            Diverging: the answers are separated, and there is no penalty.
        """
        diagonal = np.array([a == b for _, a, b in self._entries])
        start = np.concatenate([self._start(), 0.5 * diagonal])
        unit = self._unit(start)

        def lost(z: Floats) -> tuple[float, Floats]:
            try:
                value, gradient = self._evaluate(unit @ z)
            except Diverging:  # a step too long, or the way to infinity: turn back
                return 1e10, np.zeros(z.size)
            return -value, -(unit.T @ gradient)

        # SDs may take either sign: a bound at 0, where the slope is 0 too, would catch the search.
        best, onward = start, start
        for _ in range(4):
            found = optimize.minimize(
                lost,
                np.linalg.solve(unit, onward),
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-4, "maxcor": 20},
            )
            best, further = self._at_the_edge(self._signed(unit @ found.x))
            if further is None:
                break
            onward = further
        point = self._likelihood.at(best)
        free = tuple(
            k for k in range(len(best)) if k < self._fixed or self._moves(best, k - self._fixed)
        )
        covariance = self._of_fisher(best, free) if quick else self._covariance(best, unit, free)
        ses = np.sqrt(np.maximum(np.diag(covariance)[: self._fixed], 0)) * self._data.scale
        # L-BFGS-B also stops where rounding ends its line search; the gradient decides.
        steepest = np.abs(unit.T @ self._evaluate(best)[1])[list(free)].max()
        return Solution(
            likelihood=self._likelihood,
            given=self._data.given,
            slope=self._data.slope,
            parameters=best,
            free=free,
            covariance=covariance,
            log_likelihood=point.value,
            effects=point.effects,
            converged=bool(steepest < 0.01),
            separated=bool(np.abs(point.eta).max() > LARGEST or ses.max() > LARGEST),
        )

    def _evaluate(self, parameters: Floats) -> tuple[float, Floats]:
        point = self._likelihood.at(parameters)
        if not self._penalised:
            if np.abs(point.eta).max() > WALL:
                raise Diverging
            return point.value, point.gradient
        scaled = parameters * self._spread / PRIOR_SD
        return (
            point.value - float((scaled**2).sum()) / 2,
            point.gradient - scaled * self._spread / PRIOR_SD,
        )

    def _start(self) -> Floats:
        """Return coefficients without random effects, held near 0 by the penalty."""
        beta, design = np.zeros(self._fixed), self._data.design
        hold = np.diag((self._data.scale / PRIOR_SD) ** 2)
        for _ in range(12):
            found = curve(self._data.answers, design @ beta, self._likelihood.link)
            curvature = design.T @ (design * found.fisher[:, None]) + hold
            beta = beta + np.linalg.solve(curvature, design.T @ found.score - hold @ beta)
        return beta

    def _unit(self, start: Floats) -> Floats:
        """Return the matrix from searched to real parameters."""
        unit = np.zeros((len(start), len(start)))
        information = self._likelihood.information(start)
        if self._penalised:
            information = information + np.diag((self._data.scale / PRIOR_SD) ** 2)
        lower = np.linalg.cholesky(np.linalg.inv(information))
        unit[: self._fixed, : self._fixed] = lower
        for k, (which, _, _) in enumerate(self._entries):
            size = self._data.factors[which].size
            unit[self._fixed + k, self._fixed + k] = 0.7 / sqrt(2 * size)
        return unit

    def _signed(self, best: Floats) -> Floats:
        """Return the same Lambda' Lambda with a diagonal that is not negative."""
        signed = best.copy()
        for k, (which, _, column) in enumerate(self._entries):
            if best[self._fixed + self._entries.index((which, column, column))] < 0:
                signed[self._fixed + k] *= -1
        return signed

    def _at_the_edge(self, best: Floats) -> tuple[Floats, Floats | None]:
        """Set to 0 what is as likely there, where the likelihood is flat.

        Returns:
            The parameters, and where to search on if something further from 0 is more likely.
        """
        reached = self._evaluate(best)[0]
        for k, (which, a, b) in enumerate(self._entries):
            place = self._fixed + k
            if a != b or best[place] > 0.1:
                continue
            nil, more = best.copy(), best.copy()
            nil[place], more[place] = 0.0, max(2 * best[place], 0.05)
            if (which, a + 1, a) in self._entries:
                # Nothing varies that the second effect could go with: all of it is its own.
                below, own = place + 1, place + 2
                nil[below], nil[own] = 0.0, np.hypot(best[below], best[own])
            if self._evaluate(more)[0] > reached + NOISE:
                return best, more
            there = self._evaluate(nil)[0]
            if there >= reached - max(1e-4 * best[place], NOISE):
                best, reached = nil, there
        return best, None

    def _moves(self, best: Floats, k: int) -> bool:
        """Tell whether entry `k` of Lambda is not at the edge, nor beside an SD of 0."""
        which, _, b = self._entries[k]
        return bool(best[self._fixed + self._entries.index((which, b, b))] > 0)

    def _of_fisher(self, best: Floats, free: tuple[int, ...]) -> Floats:
        """Return the inverse information on the coefficients alone, 0 for the SDs."""
        information = self._likelihood.information(best)
        if self._penalised:
            information = information + np.diag((self._data.scale / PRIOR_SD) ** 2)
        covariance = np.zeros((len(free), len(free)))
        covariance[: self._fixed, : self._fixed] = np.linalg.inv(information)
        return covariance

    def _covariance(self, best: Floats, unit: Floats, free: tuple[int, ...]) -> Floats:
        """Return the inverse of the observed information, by differences of the gradient."""
        turned = unit[np.ix_(free, free)]
        hessian = np.empty((len(free), len(free)))
        for k in range(len(free)):
            # Small against what an SD is from 0, where the likelihood turns back.
            length = 0.02
            step = np.zeros(len(best))
            step[list(free)] = turned[:, k] * length
            ahead, behind = (self._evaluate(best + side * step)[1] for side in (1, -1))
            hessian[k] = turned.T @ (behind - ahead)[list(free)] / (2 * length)
        hessian = (hessian + hessian.T) / 2
        values, vectors = np.linalg.eigh(hessian)
        if values.min() <= 1e-8:  # flat: the answers say nothing in that direction
            values = np.maximum(values, 1e-8)
        return turned @ (vectors / values) @ vectors.T @ turned.T
