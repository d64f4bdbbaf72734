"""From the unblinded table to figures: statistics, and the report of a study."""
