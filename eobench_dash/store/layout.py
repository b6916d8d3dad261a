"""Where things lie below the workspace. Every folder is made with mode 0700; no name can leave its parent."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from eobench_dash.errors import PathRefused

Id = int | str
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


class Store:
    """The files of one workspace (``EOBENCH_HOME``). All of it is derived and can be computed again, uploads excepted.

    ``datasets/<id>/features/<set>/``  feature arrays; ``datasets/<id>/artefacts/``  embeddings, neighbours, sheets, …
    ``datasets/<id>/work``  finished blocks of what is being computed;
    ``tmp/<job>/``  unfinished work of one job; ``products/``  unpacked zips; ``reports/``, ``uploads/``, ``cache/``.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    def dataset_dir(self, dataset_id: Id) -> Path:
        """The folder of one dataset, made if need be."""
        return self._folder("datasets", dataset_id)

    def feature_dir(self, dataset_id: Id, feature_set_id: Id) -> Path:
        """The folder of one feature set. NOT made: FeatureWriter.commit moves a finished one here."""
        return self._folder("datasets", dataset_id, "features") / _confined(feature_set_id)

    def artefact_path(self, dataset_id: Id, key: str, suffix: str) -> Path:
        """The file of a stored artefact (``suffix`` such as ".npz"); its folder is made."""
        return self._folder("datasets", dataset_id, "artefacts") / _confined(f"{key}{suffix}")

    def work_dir(self, dataset_id: Id, name: str) -> Path:
        """The folder of a dataset's finished blocks of one computation (store.blocks). NOT made."""
        return self._folder("datasets", dataset_id, "work") / _confined(name)

    def tmp(self, job_id: Id) -> Path:
        """The scratch folder of one job, on the same file system as the rest (so that renames are atomic)."""
        return self._folder("tmp", job_id)

    def sweep_tmp(self, job_id: Id) -> None:
        """Remove a job's scratch folder and all in it; nothing happens where there is none."""
        shutil.rmtree(self.home / "tmp" / _confined(job_id), ignore_errors=True)

    def tmp_jobs(self) -> tuple[str, ...]:
        """The jobs that have a scratch folder (a killed worker leaves its own behind)."""
        return tuple(sorted(p.name for p in self._folder("tmp").iterdir() if _NAME.fullmatch(p.name)))

    def remove_dataset(self, dataset_id: Id) -> None:
        """Remove all files of a dataset. It vanishes in one rename, then is deleted at leisure."""
        folder = self.home / "datasets" / _confined(dataset_id)
        if not folder.exists():
            return
        grave = Path(tempfile.mkdtemp(prefix="removed-", dir=self._folder("tmp")))
        folder.rename(grave / "dataset")
        shutil.rmtree(grave, ignore_errors=True)

    def remove_features(self, dataset_id: Id, feature_set_id: Id) -> None:
        """Remove one feature set's files."""
        shutil.rmtree(self.feature_dir(dataset_id, feature_set_id), ignore_errors=True)

    @property
    def reports_dir(self) -> Path:
        """Finished reports and exports."""
        return self._folder("reports")

    @property
    def products_dir(self) -> Path:
        """Zipped products, unpacked; each may be removed at any time and is unpacked again on need."""
        return self._folder("products")

    @property
    def uploads_dir(self) -> Path:
        """What users uploaded."""
        return self._folder("uploads")

    @property
    def cache_dir(self) -> Path:
        """The disk cache; may be emptied at any time."""
        return self._folder("cache")

    def _folder(self, *parts: Id) -> Path:
        path = self.home
        if not path.is_dir():  # one that exists is the operator's: its mode is left alone
            private_folder(path)
        for part in parts:
            path = path / _confined(part)
            private_folder(path)
        return path


def private_folder(path: Path) -> None:
    """Make ``path`` (parents too) for its owner only; one that exists is closed to others."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        # only the owner may close it; a workspace that root lent to us keeps the mode it has
        if (status := path.stat()).st_mode & 0o077 and status.st_uid == os.geteuid():
            path.chmod(0o700)
    except FileNotFoundError:
        path.mkdir(mode=0o700, parents=True)


def _confined(name: Id) -> str:
    text = str(name)
    if not _NAME.fullmatch(text):
        raise PathRefused(f"{text[:40]!r} cannot name a file of the workspace; use letters, digits, '.', '_' and '-'.")
    return text
