"""The report of a study: findings (numbers), tables and figures (their forms), the written page."""
