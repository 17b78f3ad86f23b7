"""Where Prometheus' and Alertmanager's programs are, and configurations of theirs that a test can run."""

import os
import re
import shutil
from pathlib import Path

from ops.local.parts.prometheus import BROUGHT
from tests.programs import missing

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "prometheus"
NEWER = re.compile(r"url_file: /run/secrets/alert_(webhook|heartbeat)_url")


def program(*names: str) -> str:
    """Return the first of those programs, on PATH or where `ops/prometheus.sh` puts it; skip if there is none."""
    search = os.pathsep.join([os.environ.get("PATH", ""), str(BROUGHT)])
    found = next((where for name in names if (where := shutil.which(name, path=search))), None)
    if found is None:
        missing(names[0], "run ops/prometheus.sh, which brings it where Debian's packages can be had")
    return found


def alertmanager_file(folder: Path, url: str = "http://127.0.0.1:9/") -> Path:
    """Write alertmanager.yml with `url` in place of its secret, which older programs cannot read from a file."""
    text = (FOLDER / "alertmanager.yml").read_text(encoding="utf-8")
    assert len(NEWER.findall(text)) == 3
    file = folder / "alertmanager.yml"
    file.write_text(NEWER.sub(f"url: {url}", text), encoding="utf-8")
    return file
