"""Failures that the person at the keyboard can mend; each message says what, where and how."""


class EvaluationError(Exception):
    """Base of all expected failures of this app."""


class ImportRefused(EvaluationError):
    """Images could not be imported; `problems` names each file or row with its mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnknownStudy(EvaluationError):
    """No study has that slug."""


class TooFewImages(EvaluationError):
    """The catalogue cannot fill every cell of the design."""


class DesignImpossible(EvaluationError):
    """No arrangement keeps what the design asks for."""


class StudySealed(EvaluationError):
    """The study is sealed, and what was asked would change what decides its result."""


class Taught(EvaluationError):
    """Images of a study are cases of a teaching collection."""


class NotForTeaching(EvaluationError):
    """Images must not be taught with; `problems` names each, and why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Uncertified(EvaluationError):
    """A study has no certificate of blinding on which it may be sealed."""


class StudyNotOpen(EvaluationError):
    """The study is a draft, or closed: it takes no answers."""


class StillBlinded(EvaluationError):
    """Ground truth was asked for before the study was closed."""


class InvitationInvalid(EvaluationError):
    """The link is unknown, revoked or expired; `reason` is one of these words."""

    def __init__(self, reason: str, contact: str = "") -> None:
        super().__init__(reason)
        self.reason, self.contact = reason, contact


class AnswerConflict(EvaluationError):
    """Another answer already stands in this trial, or its turn has not come."""


class ContinuedElsewhere(EvaluationError):
    """The reading was opened in another window or on another device since."""
