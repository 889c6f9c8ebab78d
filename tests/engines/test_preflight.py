"""What a node of a cluster is refused for. On a real cluster: `test_cluster.py`."""

from harness.engines.ray.preflight import differences, look, versions


def test_a_node_like_the_driver_is_taken(tmp_path):
    nonce = tmp_path / "nonce"
    nonce.touch()
    missing, there = look(nonce, [str(tmp_path)])
    assert differences(missing, there, versions()) == []


def test_each_difference_is_named(tmp_path):
    here = {"torch": "2.9", "ray": "2.60"}
    missing, _ = look(tmp_path / "nonce", [str(tmp_path), "/no/such/data"])
    assert differences(missing, {"torch": "2.8", "ray": "2.60"}, here) == [
        f"does not see the results in {tmp_path}: it has to be on a shared path",
        "does not see /no/such/data: it has to be on a shared path",
        "torch 2.8, here 2.9",
    ]
