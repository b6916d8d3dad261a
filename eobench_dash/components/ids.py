"""Ids that several pages meet: the shell's own pieces, and the buttons on a job wherever it is shown."""

LOCATION = "shell-location"
"""The address. ``pathname`` may be an Output (go to another page)."""
TOAST = "shell-toast"
"""Store of the newest toast; written by ``components.toasts.toast``."""
JOBS_NOW = "shell-jobs-now"
"""Store that changes whenever a job starts, makes progress or ends (an Input for pages that show jobs)."""
JOBS_DONE = "shell-jobs-done"
"""Store that changes when jobs end: ids of the newest ended ones (an Input for pages that show what jobs made)."""
JOBS_KICK = "shell-jobs-kick"
"""Store to write anything new to after starting a job: the shell then looks at the jobs at once."""
DATASETS_CHANGED = "shell-datasets-changed"
"""Store to write anything new to after renaming a dataset: the shell then draws its switcher again."""


def job_cancel(job_id: int, *, at: str) -> dict[str, str | int]:
    """The cancel button of a job, in the place ``at``."""
    return {"type": "shell-job-cancel", "job": job_id, "at": at}


def job_pause(job_id: int, *, at: str) -> dict[str, str | int]:
    """The pause button of a job, in the place ``at``."""
    return {"type": "shell-job-pause", "job": job_id, "at": at}


def job_resume(job_id: int, *, at: str) -> dict[str, str | int]:
    """The resume button of a paused job, in the place ``at``."""
    return {"type": "shell-job-resume", "job": job_id, "at": at}


def job_retry(job_id: int, *, at: str) -> dict[str, str | int]:
    """The retry button of a job, in the place ``at``."""
    return {"type": "shell-job-retry", "job": job_id, "at": at}
