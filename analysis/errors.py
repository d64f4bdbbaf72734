"""Failures that the person at the keyboard can mend; each message says what, where and how."""


class AnalysisError(Exception):
    """Base of all expected failures of this app."""


class TableRefused(AnalysisError):
    """A table of answers cannot be analysed as it is."""


class FolderRefused(AnalysisError):
    """The report cannot be written to the folder that was named."""


class AuditBroken(AnalysisError):
    """A study could not be read to its end as its raters would."""
