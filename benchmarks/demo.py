"""How long the demonstration takes to build, and to come up again: `python -m benchmarks.demo`.

The limits are three minutes on two cores for the first time (installation not counted) and
fifteen seconds for the second.
"""

import sys

from benchmarks.product import against_limit, empty_product, machine


def main() -> int:
    """Build it twice, print, and fail if a limit is passed."""
    with empty_product() as manage:
        first = manage("demo", "--build-only", "--port", "0")
        second = manage("demo", "--build-only", "--port", "0")
    print(f"\non {machine()}")
    held = [against_limit("built", first, 180), against_limit("reused", second, 15)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
