"""The one error of this room, so that every message has the same four parts."""


class DataError(ValueError):
    """Data that cannot be used: a broken file, a failed download, arrays that do not fit together.

    The message names the file (or the argument), the fault, what was expected and what came, and the way out.
    """


def fault(where, what: str, expected: str, got: str, mend: str) -> DataError:
    """A DataError whose message reads `where: what: expected ..., got .... mend`."""
    return DataError(f"{where}: {what}: expected {expected}, got {got}. {mend}")
