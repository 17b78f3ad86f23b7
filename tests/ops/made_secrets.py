"""Makes the deployment's secrets in a folder of a test."""

import os
import subprocess
from pathlib import Path

from tests.ops.compose import ROOT

SCRIPT = ROOT / "ops" / "deploy" / "secrets.sh"


def make_secrets(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script on `folder` with a small environment; bounded in time."""
    return subprocess.run(  # noqa: S603 - our own script
        [SCRIPT, folder],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read_secrets(folder: Path) -> dict[str, str]:
    """Return the secrets by name."""
    return {path.name: path.read_text() for path in folder.iterdir()}
