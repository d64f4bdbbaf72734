"""Networks that read images: here alone analysis uses torch."""
