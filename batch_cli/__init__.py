"""Files of model requests in, files of answers out: the library behind the ``batch-cli`` command."""

from __future__ import annotations

__version__ = "0.1.0"
