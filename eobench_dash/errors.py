"""One error tree. Each message is a sentence for the person who caused or meets the error: what is wrong, what to do.

``http_status`` is what a route answers; ``exit_code`` what the command line returns.
"""


class EOBenchError(Exception):
    """Base of every error that a user may read."""

    http_status = 500
    exit_code = 1


class SettingsError(EOBenchError):
    """The environment holds a setting that cannot be used."""

    exit_code = 2


class NotAllowed(EOBenchError):
    """Who asks may not do this."""

    http_status = 403


class NotLoggedIn(NotAllowed):
    """Nobody is logged in, and the action needs somebody."""

    http_status = 401


class NotFound(EOBenchError):
    """The dataset, patch, label, user, job … named does not exist (or is not visible to who asks)."""

    http_status = 404


class Conflict(EOBenchError):
    """The state does not permit this now: a name is taken, an import is running, somebody changed it first."""

    http_status = 409


class StalePage(EOBenchError):
    """The page was opened by somebody else than who is logged in by now, or with another version of the program."""

    http_status = 412


class BadInput(EOBenchError):
    """What the user gave cannot be used."""

    http_status = 400
    exit_code = 2


class UnreadableDataset(BadInput):
    """A dataset file or folder that cannot be read as what it claims to be."""


class UnreadableProduct(BadInput):
    """A Sentinel product or raster that is damaged, incomplete or of a kind that is not read."""


class PathRefused(BadInput):
    """A path leaves the folder it has to stay in."""


class PatchUnreadable(BadInput):
    """The picture of one patch is missing, broken or too large."""

    http_status = 404


class UnsupportedPatch(BadInput):
    """Pixels of a kind that a descriptor cannot describe."""


class Unavailable(EOBenchError):
    """The database or its disk cannot serve this now; nothing was changed."""

    http_status = 503


class JobCancelled(EOBenchError):
    """Raised inside a job when its owner asked to cancel it."""


class JobPaused(EOBenchError):
    """Raised inside a job that was asked to pause: what it has finished is kept, and it goes on from there later."""


class JobLost(EOBenchError):
    """Raised inside a job that no longer holds its lease: another worker may own it, so nothing more is written."""


class TooMany(EOBenchError):
    """Too many attempts; wait and try again."""

    http_status = 429
