from bpfq.query import build, nodes


def test_nested_conjunctions_are_merged() -> None:
    a, b, c = build.protocol("ip"), build.protocol("tcp"), build.protocol("udp")
    assert build.all_of(build.all_of(a, b), c) == nodes.And((a, b, c))


def test_twenty_thousand_operands_make_one_node() -> None:
    ports = [build.port(None, "dst", n, n) for n in range(20_000)]
    assert build.any_of(*ports) == nodes.Or(tuple(ports))
