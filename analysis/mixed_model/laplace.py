"""Laplace's approximation to the likelihood of answers with crossed effects of raters and images.

Effects are Lambda u with u standard normal. For given coefficients and Lambda the mode of u is
found by Newton's method (penalised iteratively reweighted least squares), and the integral over u
is that of the normal curve there (Bates, "Computational methods for mixed models", vignette of
lme4, section 6):

    log L = log p(y | u) - |u|^2 / 2 - log det(Lambda' Z' W Z Lambda + I) / 2     at the mode

The matrix under the determinant has one small block for each rater and each image and a cross
table of the two. The factor with more effects is eliminated block by block; what is left is a dense
matrix of the other's size (Schur complement), so that 200 raters of 1,000 images need 200 x 200.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Link = Literal["logit", "probit"]

SETTLED = 1e-13  # what another step could still add to the likelihood


@dataclass(frozen=True)
class Factor:
    """One grouping of the answers and what its effects multiply.

    Attributes:
        codes: (n,) group of each answer, from 0.
        size: number of groups.
        design: (n, q) 1 for the intercept, the covariate for a slope; q may be 0.
        entries: which entries (row, column) of the lower triangular Lambda (q, q) are parameters.
    """

    codes: Codes
    size: int
    design: Floats
    entries: tuple[tuple[int, int], ...]

    @property
    def q(self) -> int:
        """Number of effects of a group."""
        return self.design.shape[1]

    def root(self, theta: Floats) -> Floats:
        """Return Lambda (q, q) from its parameters."""
        root = np.zeros((self.q, self.q))
        for value, entry in zip(theta, self.entries, strict=True):
            root[entry] = value
        return root

    def sums(self, values: Floats) -> Floats:
        """Return Z' values, (size, q)."""
        table = np.empty((self.size, self.q))
        for a, column in enumerate(self.design.T):
            table[:, a] = np.bincount(self.codes, values * column, minlength=self.size)
        return table

    def spread(self, effects: Floats) -> Floats:
        """Return Z effects, (n,), of effects (size, q)."""
        total = np.zeros(len(self.codes))
        for column, effect in zip(self.design.T, effects.T, strict=True):
            total += column * effect.take(self.codes)
        return total


@dataclass(frozen=True)
class Curve:
    """Log likelihood of the answers and its derivatives by the linear predictor, each (n,)."""

    value: float
    score: Floats
    observed: Floats  # minus the second derivative
    fisher: Floats  # its expectation
    fisher_slope: Floats


def curve(answers: Floats, eta: Floats, link: Link) -> Curve:
    """Return what the answers (0 or 1) say about the linear predictor `eta`."""
    if link == "logit":
        small = np.exp(-np.abs(eta))
        mean = np.where(eta >= 0, 1.0, small) / (1 + small)
        weight = mean * (1 - mean)
        value = float(answers @ eta - np.maximum(eta, 0).sum() - np.log1p(small).sum())
        return Curve(value, answers - mean, weight, weight, weight * (1 - 2 * mean))
    sign = 2 * answers - 1
    logs = special.log_ndtr(sign * eta)
    density = -0.5 * eta**2 - 0.5 * np.log(2 * np.pi)
    mills = np.exp(density - logs)
    above, below = (
        np.exp(density - side) for side in (special.log_ndtr(eta), special.log_ndtr(-eta))
    )
    fisher = above * below
    slope = fisher * (below - above - 2 * eta)
    observed = mills * (mills + sign * eta)
    return Curve(float(logs.sum()), sign * mills, observed, fisher, slope)


@dataclass(frozen=True)
class Point:
    """The approximation at one set of parameters, its gradient, and the modes of the effects."""

    value: float
    gradient: Floats  # by coefficients, then by entries of Lambda, raters first
    effects: tuple[Floats, Floats]  # Lambda u of raters (size, q) and images
    eta: Floats


class CrossedLikelihood:
    """The approximate log likelihood as a function of coefficients and entries of Lambda.

    Args:
        answers: (n,) 0 or 1.
        design: (n, p) fixed effects.
        factors: raters and images.
        link: of the model.
    """

    def __init__(
        self, answers: Floats, design: Floats, factors: tuple[Factor, Factor], link: Link
    ) -> None:
        first, second = factors
        # The dense rest should be that of the factor with fewer effects.
        self._inner = 1 if first.size * first.q <= second.size * second.q else 0
        inner, outer = factors[self._inner], factors[1 - self._inner]
        cell = inner.codes * outer.size + outer.codes
        # Neighbours in the table are neighbours in memory, which is what takes the time.
        order = np.argsort(cell, kind="stable")
        self._cells = _Cells(cell[order], (inner.size, outer.size))
        self.factors = (_ordered(first, order), _ordered(second, order))
        self.answers, self.design, self.link = answers[order], design[order], link
        self.fixed = design.shape[1]
        self._last = [np.zeros((factor.size, factor.q)) for factor in factors]

    def split(self, parameters: Floats) -> tuple[Floats, list[Floats]]:
        """Return the coefficients, and Lambda of each factor."""
        entries = len(self.factors[0].entries)
        theta = parameters[self.fixed :]
        roots = [
            factor.root(part)
            for factor, part in zip(self.factors, (theta[:entries], theta[entries:]), strict=True)
        ]
        return parameters[: self.fixed], roots

    def at(self, parameters: Floats) -> Point:
        """Evaluate the likelihood; modes found last are where the search for new ones begins."""
        beta, roots = self.split(parameters)
        base = self.design @ beta
        u, eta, found, system = self._mode(base, roots)
        self._last = u
        observed = system
        if self.link != "logit":
            system = self._system(found.fisher, roots)
        length = sum(float((part**2).sum()) for part in u)
        value = found.value - length / 2 - system.log_determinant / 2
        own, variance = system.leverage()
        pull = variance * found.fisher_slope  # how the determinant changes with eta
        r = observed.solve(
            [f.sums(pull) @ root for f, root in zip(self.factors, roots, strict=True)]
        )
        back = self._spread(r, roots) * observed.weights
        gradient = [self.design.T @ (found.score - (pull - back) / 2)]
        for factor, mode, response, t in zip(self.factors, u, r, own, strict=True):
            score, pulled = factor.sums(found.score), factor.sums(pull)
            change = score.T @ mode - (factor.design * found.fisher[:, None]).T @ t
            change -= (pulled.T @ mode + score.T @ response - factor.sums(back).T @ mode) / 2
            gradient.append(np.array([change[entry] for entry in factor.entries]))
        effects = tuple(part @ root.T for part, root in zip(u, roots, strict=True))
        return Point(value, np.concatenate(gradient), (effects[0], effects[1]), eta)

    def information(self, parameters: Floats) -> Floats:
        """Return (p, p) information on the coefficients with Lambda as it is."""
        beta, roots = self.split(parameters)
        _, _, found, system = self._mode(self.design @ beta, roots)
        weighted = self.design * found.observed[:, None]
        total = self.design.T @ weighted
        for k in range(self.fixed):
            sums = [
                f.sums(weighted[:, k]) @ root for f, root in zip(self.factors, roots, strict=True)
            ]
            back = self._spread(system.solve(sums), roots)
            total[k] -= weighted.T @ back
        return (total + total.T) / 2

    def _spread(self, u: Sequence[Floats], roots: Sequence[Floats]) -> Floats:
        return sum(
            (f.spread(part @ root.T) for f, part, root in zip(self.factors, u, roots, strict=True)),
            start=np.zeros(len(self.answers)),
        )

    def _mode(
        self, base: Floats, roots: list[Floats]
    ) -> tuple[list[Floats], Floats, Curve, "_System"]:
        """Find the mode of u by Newton's method with halved steps."""
        u = self._last
        eta = base + self._spread(u, roots)
        found = curve(self.answers, eta, self.link)
        height = found.value - sum(float((part**2).sum()) for part in u) / 2
        system, before = self._system(found.observed, roots), np.inf
        for _ in range(200):
            slope = [
                f.sums(found.score) @ root - part
                for f, root, part in zip(self.factors, roots, u, strict=True)
            ]
            step = system.solve(slope)
            gain = sum(float((a * b).sum()) for a, b in zip(slope, step, strict=True))
            if gain < SETTLED:
                break
            if gain > before / 20:  # the matrix of another place serves as long as it serves well
                system, before = self._system(found.observed, roots), np.inf
                continue
            before = gain
            move = self._spread(step, roots)
            share = 1.0
            while True:
                trial = [part + share * by for part, by in zip(u, step, strict=True)]
                ahead = eta + share * move
                there = curve(self.answers, ahead, self.link)
                reached = there.value - sum(float((part**2).sum()) for part in trial) / 2
                if reached >= height - 1e-9 or share < 1e-6:
                    break
                share /= 2
            u, eta, found, height = trial, ahead, there, reached
        return u, eta, found, self._system(found.observed, roots)

    def _system(self, weights: Floats, roots: list[Floats]) -> "_System":
        return _System(self.factors, self._inner, self._cells, weights, roots)


def _ordered(factor: Factor, order: Codes) -> Factor:
    return replace(
        factor, codes=factor.codes[order], design=np.asfortranarray(factor.design[order])
    )


class _Cells:
    """The table of inner and outer groups, in which each answer has its cell, in order."""

    def __init__(self, cell: Codes, shape: tuple[int, int]) -> None:
        self._cell, self.shape = cell, shape
        size = shape[0] * shape[1]
        self._complete = len(cell) == size and bool((cell == np.arange(size)).all())

    def table(self, values: Floats) -> Floats:
        """Return the sums of the answers' values in each cell, (inner, outer)."""
        if self._complete:
            return values.reshape(self.shape)
        size = self.shape[0] * self.shape[1]
        sums = np.bincount(self._cell, values, minlength=size)
        return np.asarray(sums, dtype=float).reshape(self.shape)

    def each(self, table: Floats) -> Floats:
        """Return each answer's cell of a table (inner, outer)."""
        return table.ravel() if self._complete else table.ravel().take(self._cell)


class _System:
    """Lambda' Z' W Z Lambda + I, factorised."""

    def __init__(
        self,
        factors: tuple[Factor, Factor],
        inner_index: int,
        cells: _Cells,
        weights: Floats,
        roots: list[Floats],
    ) -> None:
        self.factors, self.weights, self._cells = factors, weights, cells
        self._i, self._o = inner_index, 1 - inner_index
        # Answers' rows of Z Lambda, column by column.
        self._rows = [
            np.asfortranarray(f.design @ root) for f, root in zip(factors, roots, strict=True)
        ]
        inner, outer = factors[self._i], factors[self._o]
        self._lower = np.linalg.cholesky(self._blocks(self._i) + np.eye(inner.q))
        dense = outer.size * outer.q
        table = np.empty((inner.size, inner.q, outer.size, outer.q))
        for a, left in enumerate(self._rows[self._i].T):
            for b, right in enumerate(self._rows[self._o].T):
                table[:, a, :, b] = cells.table(weights * left * right)
        cross = table.reshape(inner.size, inner.q, dense)
        if inner.q == 1:
            cross /= self._lower
        else:
            cross = np.linalg.solve(self._lower, cross)
        self._cross = cross.reshape(inner.size * inner.q, dense)  # L^-1 C
        schur = np.zeros((outer.size, outer.q, outer.size, outer.q))
        each = np.arange(outer.size)
        schur[each, :, each, :] = self._blocks(self._o) + np.eye(outer.q)
        rest = schur.reshape(dense, dense) - self._cross.T @ self._cross
        self._rest = np.linalg.cholesky(rest) if dense else rest
        self.log_determinant = 2 * float(
            np.log(np.diagonal(self._lower, axis1=1, axis2=2)).sum()
            + np.log(np.diagonal(self._rest)).sum()
        )

    def _blocks(self, which: int) -> Floats:
        """Return the diagonal blocks of Lambda' Z' W Z Lambda of one factor, (size, q, q)."""
        factor, rows = self.factors[which], self._rows[which]
        blocks = np.empty((factor.size, factor.q, factor.q))
        for a in range(factor.q):
            for b in range(factor.q):
                both = self.weights * rows[:, a] * rows[:, b]
                blocks[:, a, b] = np.bincount(factor.codes, both, minlength=factor.size)
        return blocks

    def solve(self, right: Sequence[Floats]) -> list[Floats]:
        """Return the solution, in parts (size, q) like the right-hand side."""
        inner, outer = self.factors[self._i], self.factors[self._o]
        reduced = self._forward(right[self._i])
        below = right[self._o].ravel() - self._cross.T @ reduced.ravel()
        if below.size:
            below = linalg.cho_solve((self._rest, True), below, check_finite=False)
        above = (reduced.ravel() - self._cross @ below).reshape(inner.size, inner.q)
        above, below = self._backward(above), below.reshape(outer.size, outer.q)
        return [below, above] if self._i else [above, below]

    def leverage(self) -> tuple[list[Floats], Floats]:
        """Return H^-1 v of each answer within its own groups, (n, q) a factor, and v' H^-1 v.

        v is an answer's row of Z Lambda, so that the second is the variance of its eta.
        """
        inner, outer = self.factors[self._i], self.factors[self._o]
        dense = outer.size * outer.q
        inverse = (
            linalg.cho_solve((self._rest, True), np.eye(dense), check_finite=False)
            if dense
            else np.zeros((0, 0))
        )
        moved = (self._cross @ inverse).reshape(inner.size, inner.q, dense)
        among = moved @ self._cross.reshape(inner.size, inner.q, dense).transpose(0, 2, 1)
        back = np.linalg.inv(self._lower)
        own_inner = back.transpose(0, 2, 1) @ (among + np.eye(inner.q)) @ back
        across = -(back.transpose(0, 2, 1) @ moved if inner.q > 1 else moved * back)
        across = across.reshape(inner.size, inner.q, outer.size, outer.q)
        each = np.arange(outer.size)
        own_outer = inverse.reshape(outer.size, outer.q, outer.size, outer.q)[each, :, each, :]
        v_inner, v_outer = self._rows[self._i], self._rows[self._o]
        t_inner, t_outer = np.zeros_like(v_inner), np.zeros_like(v_outer)
        for v, t, own, factor in (
            (v_inner, t_inner, own_inner, inner),
            (v_outer, t_outer, own_outer, outer),
        ):
            for a in range(factor.q):
                for b in range(factor.q):
                    t[:, a] += own[:, a, b].take(factor.codes) * v[:, b]
        for a in range(inner.q):
            for b in range(outer.q):
                shared = self._cells.each(across[:, a, :, b])
                t_inner[:, a] += shared * v_outer[:, b]
                t_outer[:, b] += shared * v_inner[:, a]
        variance = (v_inner * t_inner).sum(axis=1) + (v_outer * t_outer).sum(axis=1)
        return ([t_outer, t_inner] if self._i else [t_inner, t_outer]), variance

    def _forward(self, right: Floats) -> Floats:
        return np.linalg.solve(self._lower, right[:, :, None])[:, :, 0]

    def _backward(self, right: Floats) -> Floats:
        return np.linalg.solve(self._lower.transpose(0, 2, 1), right[:, :, None])[:, :, 0]
