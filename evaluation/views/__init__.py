"""Pages: for raters in `reading`, for everybody in `front`."""
