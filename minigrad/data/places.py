"""Where data sets are looked for: one source after the other, and one error that tells what each of them said."""

import os
import sys
import warnings
from pathlib import Path

from minigrad.data.errors import DataError


class Absent(DataError):
    """A source that is not there, or switched off: no fault, so the next one is asked without a warning."""


def cache_folder(name: str) -> Path:
    """The user's folder for the data set `name`: in $MINIGRAD_CACHE, or in the platform's folder for caches."""
    if own := os.environ.get("MINIGRAD_CACHE"):
        return Path(own) / name
    try:
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:  # no home folder
        raise Absent(f"no folder for a cache ({error}); set MINIGRAD_CACHE") from error
    return Path(base) / "minigrad" / name


def need_network(download) -> None:
    """Absent, where downloads are switched off."""
    if not download:
        raise Absent("download: switched off by download=False")
    if os.environ.get("MINIGRAD_OFFLINE", "0") not in ("", "0"):
        raise Absent("download: switched off by MINIGRAD_OFFLINE in the environment")


def first_found(title, sources, advice, notes, say, stacklevel=4):
    """What the first of the sources (functions) gives that has the data set; `notes` fills with what is to be said then.

    Raises:
        DataError: none had it, with the reason for each, and the advice.
    """
    reasons = []
    for source in sources:
        try:
            found = source()
        except Absent as error:
            reasons.append(str(error))
        except DataError as error:
            reasons.append(str(error))
            warnings.warn(f"{title}: passed over, and the next source is tried: {error}", stacklevel=stacklevel)
        else:
            for line in (*notes, repr(found)):
                say(line)
            return found
    tried = "".join(f"\n  - {reason}" for reason in reasons)
    raise DataError(f"{title} was not found. Tried in turn:{tried}\n{advice}")
