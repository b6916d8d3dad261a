"""``eobench cluster`` and ``eobench advise``."""

import json


def test_clusters_as_a_table_and_as_json(tiny) -> None:
    told = tiny("cluster", "Tiny", "--method", "kmeans", "-k", "3")
    assert told.code == 0, told.err
    assert "3 clusters of all patches (k-means), set 1" in told.out and "36 patches, 0 in no cluster" in told.out
    found = json.loads(tiny("cluster", "Tiny", "--method", "kmeans", "-k", "3", "--json").out)
    assert found["id"] == 1 and sorted(c["label"] for c in found["clusters"]) == ["city", "forest", "sea"]


def test_what_cannot_be_done_is_one_sentence(tiny) -> None:
    few = tiny("cluster", "Tiny", "--label", "sea")
    assert few.code == 1 and few.err == "eobench: sea: Clusters need at least 20 patches; these are 12.\n"
    advice = tiny("advise", "Tiny")
    assert advice.code == 1 and "at least 60 patches" in advice.err
    assert tiny("cluster", "Tiny", "--method", "hdbscan", "-k", "3").code == 2
