"""How long the audit of a study takes: `python -m benchmarks.audit SOURCE METADATA.csv`.

Photographs are imported, ten AI images a diagnosis are made by dermdiff, a study of 140 images is
drawn and its blinding audited. Limit: three minutes on two cores.
"""

import sys

from benchmarks.product import against_limit, empty_product, machine

LIMIT_S = 180


def main(source: str, metadata: str) -> int:
    """Measure, print what the audit says, and fail if it takes too long."""
    with empty_product() as product:
        product("migrate", "--verbosity", "0")
        product(
            *("import_images", source, "--metadata", metadata, "--skip-problems"),
            *("--dataset", "photographs", "--licence", "CC-BY-NC-4.0", "--verbosity", "0"),
        )
        product("generate_batch", "--generator", "dermdiff", "--per-entity", "10")
        study = ("pilot", "--dataset", "photographs", "--generator", "dermdiff")
        product("create_study", *study)
        seconds = product("audit_blinding", "pilot")
    print(f"\non {machine()}")
    return 0 if against_limit("audit of 140 images", seconds, LIMIT_S) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
