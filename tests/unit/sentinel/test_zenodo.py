"""EuroSAT's download, against a network of our own making."""

import hashlib
import io
import zipfile

import pytest
import requests

from eobench_dash.errors import BadInput
from eobench_dash.sentinel import zenodo


def archive(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        for name, data in names.items():
            z.writestr(name, data)
    return buffer.getvalue()


GOOD = archive({"EuroSAT_RGB/Forest/Forest_1.jpg": b"x" * 3_000_000, "EuroSAT_RGB/River/River_1.jpg": b"y"})


class Answer:
    def __init__(self, status: int, *, data: object = None, body: bytes = b"", headers: dict[str, str] | None = None):
        self.status_code, self.data, self.body, self.headers = status, data, body, headers or {}

    def json(self) -> object:
        return self.data

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise requests.HTTPError(str(self.status_code))

    def iter_content(self, size: int):
        for start in range(0, len(self.body), size):
            yield self.body[start : start + size]

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None: ...


class Network:
    """A record and its file. ``cut``: the first answer ends after so many bytes. ``ranges``: whether it can resume."""

    def __init__(self, body: bytes = GOOD, *, cut: int | None = None, ranges: bool = True, **record: object) -> None:
        self.body, self.cut, self.ranges, self.asked = body, cut, ranges, []
        self.entry = {
            "key": zenodo.FILE_NAME,
            "size": len(body),
            "checksum": f"md5:{hashlib.md5(body).hexdigest()}",
            "links": {"self": "https://zenodo.org/api/records/7711810/files/EuroSAT_RGB.zip/content"},
        } | record

    def get(self, url: str, *, headers: dict[str, str] | None = None, **_: object) -> Answer:
        if url == zenodo.RECORD_API:
            return Answer(200, data={"files": [{"key": "other.zip"}, self.entry]})
        wanted = (headers or {}).get("Range")
        self.asked.append(wanted)
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and self.ranges else 0
        body, self.cut = self.body[start : self.cut], None
        if start:
            return Answer(
                206, body=body, headers={"Content-Range": f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"}
            )
        return Answer(200, body=body)


def nothing(fraction: float, message: str) -> None: ...


def test_a_download_is_proven_and_not_repeated(tmp_path) -> None:
    network = Network()
    remote = zenodo.look_up(network)
    target = zenodo.download(network, remote, tmp_path / "a.zip", nothing)
    assert target.read_bytes() == GOOD
    zenodo.download(network, remote, target, nothing)
    assert network.asked == [None], "the second time nothing was asked for"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_off_download_goes_on(tmp_path, ranges) -> None:
    network = Network(cut=1_000_000, ranges=ranges)
    remote = zenodo.look_up(network)
    with pytest.raises(zenodo.DownloadFailed, match="ended early"):
        zenodo.download(network, remote, tmp_path / "a.zip", nothing)
    assert not (tmp_path / "a.zip").exists()
    assert zenodo.download(network, remote, tmp_path / "a.zip", nothing).read_bytes() == GOOD
    assert network.asked == [None, "bytes=1000000-"]


def test_a_wrong_archive_is_dropped(tmp_path) -> None:
    network = Network(checksum=f"md5:{'0' * 32}")
    with pytest.raises(zenodo.DownloadFailed, match="checksum"):
        zenodo.download(network, zenodo.look_up(network), tmp_path / "a.zip", nothing)
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_said_are_not_taken(tmp_path) -> None:
    network = Network(size=1000)
    with pytest.raises(zenodo.DownloadFailed, match="More bytes"):
        zenodo.download(network, zenodo.look_up(network), tmp_path / "a.zip", nothing)


@pytest.mark.parametrize(
    "record",
    [
        {"checksum": "sha1:00"},
        {"checksum": "md5:xyz"},
        {"links": {"self": "https://evil.example/a.zip"}},
        {"size": 10**12},
        {"size": None},
        {"key": "gone.zip"},
    ],
)
def test_a_record_that_cannot_be_trusted_is_refused(record) -> None:
    with pytest.raises(zenodo.DownloadFailed):
        zenodo.look_up(Network(**record))


def test_no_network_is_said(monkeypatch) -> None:
    class Dead:
        def get(self, *_: object, **__: object) -> None:
            raise requests.ConnectionError

    with pytest.raises(zenodo.DownloadFailed, match="internet"):
        zenodo.look_up(Dead())


def test_unpacking_finds_the_classes(tmp_path) -> None:
    (tmp_path / "a.zip").write_bytes(GOOD)
    root = zenodo.unpack(tmp_path / "a.zip", tmp_path / "out", nothing)
    assert sorted(p.name for p in root.iterdir()) == ["Forest", "River"]


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "..\\x.jpg"])
def test_paths_that_lead_out_are_refused(tmp_path, name) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"ok.jpg": b"", name: b"x"}))
    with pytest.raises(BadInput, match="leads out"):
        zenodo.unpack(tmp_path / "a.zip", tmp_path / "out", nothing)
    assert not (tmp_path / "x.jpg").exists()
