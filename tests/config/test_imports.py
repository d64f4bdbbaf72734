"""What processes load: torch takes seconds and some 200 MB, and only where it computes."""

import subprocess
import sys

from django.conf import settings

LOADING = """
import sys

import config.wsgi
from django.core.management import call_command, get_commands, load_command_class

call_command("check")  # resolves every address
if "torch" in sys.modules:
    sys.exit("the web process loads torch")
for name, app in get_commands().items():
    if name not in sys.argv[1:]:
        load_command_class(app, name)
        if "torch" in sys.modules:
            sys.exit(f"{name} loads torch before it has anything to compute")
"""
#: Commands that do nothing without torch.
COMPUTING = (
    "evaluate_images",
    "run_ablation",
    "train_classifier",
    "train_detector",
    "train_generator",
    "train_segmenter",
)


def test_the_web_process_and_light_commands_load_no_torch():
    done = subprocess.run(
        [sys.executable, "-c", LOADING, *COMPUTING],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
