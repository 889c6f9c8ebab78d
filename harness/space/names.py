"""Names that become files or folders."""

import re

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""Such a name cannot leave the folder it is put in."""
