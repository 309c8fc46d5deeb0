"""`python -m keyaudit.samples FOLDER`."""

import sys
from pathlib import Path

from keyaudit.samples import write_samples

write_samples(Path(sys.argv[1]))
