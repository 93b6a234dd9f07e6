"""``program.attach()``: real traffic dropped and passed, replaced, counted, pinned, let go."""

from __future__ import annotations

import os
import re
import struct
import threading
from pathlib import Path

import pytest
from kernel.ebpf.programs import in_the_end, mount_bpffs, needs_bpf, refused
from kernel.ebpf.traffic import (
    BAD,
    GOOD,
    arrived,
    datagram,
    delivered,
    needs_cgroup,
    network,
    offer,
    own_cgroup,
    receivers,
)
from kernel.namespaces import in_namespace, ip, needs_ip, sender

import bpfq
from bpfq.ebpf.attachment import Attachment
from bpfq.ebpf.counts import Counts
from bpfq.ebpf.pinned import Pinned, attach_pinned
from bpfq.ebpf.places import Place, place_of
from bpfq.errors import FilterError, LoadError, UnsupportedError
from bpfq.kernel.links import link_with_id

pytestmark = [pytest.mark.root, needs_bpf, needs_ip]

BURSTS, BURST = 30, 40  # pairs of datagrams; a burst fits every queue on the way
ON_AN_INTERFACE = {
    "xdp": ("xdp", "far", {}),
    "xdp generic": ("xdp", "far", {"mode": "generic"}),
    "tc ingress": ("tc", "far", {"direction": "ingress"}),
    "tc egress": ("tc", "near", {"direction": "egress"}),
    "netfilter": ("netfilter", "inet:input", {"priority": -5}),
}


def made(hook: str, port: int = BAD, action: str = "drop") -> bpfq.EbpfProgram:
    found = bpfq.compile(f"udp dst port {port}", target=f"ebpf:{hook}", action=action)
    assert isinstance(found, bpfq.EbpfProgram)
    return found


def attached(name: str, port: int = BAD, action: str = "drop") -> Attachment:
    hook, place, options = ON_AN_INTERFACE[name]
    return made(hook, port, action).attach(place, **options)


@pytest.mark.parametrize("name", ON_AN_INTERFACE)
def test_what_matches_is_dropped_until_the_attachment_closes(name: str) -> None:
    def scenario() -> tuple[bool, bool, bool, bool, bool]:
        network()
        with receivers() as sockets:
            before = delivered(sockets)
            with attached(name) as attachment:
                number, during = attachment.id, delivered(sockets)
                told = attachment.is_attached()
            return before, during, told, delivered(sockets), link_with_id(number) is None

    assert in_namespace(scenario) == (True, False, True, True, True)


@pytest.mark.parametrize("action", ["pass", "count"])
@pytest.mark.parametrize("name", ON_AN_INTERFACE)
def test_what_is_to_pass_passes(name: str, action: str) -> None:
    def scenario() -> bool:
        network()
        with receivers() as sockets, attached(name, action=action):
            return delivered(sockets)

    assert in_namespace(scenario)


@pytest.mark.parametrize("name", ON_AN_INTERFACE)
def test_a_program_takes_the_place_of_another(name: str) -> None:
    def scenario() -> tuple[bool, bool, bool, list[int]]:
        network()
        with receivers() as sockets, attached(name, port=99) as attachment:
            priorities = [attachment.place.priority]
            before = delivered(sockets)
            attachment.replace(made(ON_AN_INTERFACE[name][0]))
            priorities.append(attachment.place.priority)
            during = delivered(sockets)
            attachment.replace(made(ON_AN_INTERFACE[name][0], port=99))
            priorities.append(attachment.place.priority)
            return before, during, delivered(sockets), priorities

    beside = [-5, -6, -5] if name == "netfilter" else [0, 0, 0]
    assert in_namespace(scenario) == (True, False, True, beside)


@pytest.mark.parametrize("name", ON_AN_INTERFACE)
def test_a_counting_program_counts_packets_and_bytes(name: str) -> None:
    hook, place, options = ON_AN_INTERFACE[name]

    def scenario() -> list[object]:
        network()
        with receivers() as sockets, made(hook).counting().attach(place, **options) as attachment:
            seen: list[object] = [attachment.counts()]
            for _ in range(3):
                assert not delivered(sockets)
            return [*seen, attachment.counts()]

    size = 28 if hook == "netfilter" else 42
    assert in_namespace(scenario) == [Counts(0, 0), Counts(3, 3 * size)]


def burst(first: int, sockets: dict[int, object]) -> list[int]:
    """Send numbered pairs of datagrams; the numbers that arrive at the good port."""
    with sender("near") as out:
        for number in range(first, first + BURST):
            for port in (BAD, GOOD):
                out.send(datagram(port, struct.pack(">I", number)))
    return [struct.unpack(">I", sockets[GOOD].recv(100))[0] for _ in range(BURST)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["xdp", "xdp generic", "tc ingress", "netfilter"])
def test_no_packet_gets_a_wrong_verdict_while_programs_are_replaced(name: str) -> None:
    hook = ON_AN_INTERFACE[name][0]

    def scenario() -> tuple[list[int], bool]:
        network()
        bursts, good = threading.Semaphore(0), []
        pair = (made(hook), bpfq.compile(f"udp port {BAD}", target=f"ebpf:{hook}", action="drop"))

        def replace(attachment: Attachment) -> None:
            for times in range(BURSTS):
                bursts.acquire()
                attachment.replace(pair[times % 2])

        with receivers() as sockets, attached(name) as attachment:
            thread = threading.Thread(target=replace, args=(attachment,))
            thread.start()
            for number in range(BURSTS):
                bursts.release()
                good += burst(number * BURST, sockets)
            thread.join()
            return good, arrived(sockets[BAD])

    good, bad = in_namespace(scenario)
    assert (good == list(range(BURSTS * BURST)), bad) == (True, False)


def test_a_refused_replacement_leaves_the_old_program() -> None:
    def scenario() -> tuple[str, bool, int]:
        network()
        with receivers() as sockets, attached("xdp") as attachment:
            before = len(os.listdir("/proc/self/fd"))
            with pytest.raises(FilterError) as error:
                attachment.replace(made("tc"))
            return str(error.value), delivered(sockets), len(os.listdir("/proc/self/fd")) - before

    assert in_namespace(scenario) == (
        "a program for tc cannot replace one for XDP on far",
        False,
        0,
    )


@needs_cgroup
@pytest.mark.parametrize("direction", ["", "ingress"])
def test_sockets_of_a_cgroup_do_not_get_what_matches(direction: str) -> None:
    def scenario() -> tuple[bool, bool, str]:
        network()
        with own_cgroup() as path, receivers() as sockets:
            with made("cgroup_skb").attach(path, direction=direction) as attachment:
                during = delivered(sockets)
                shown = str(attachment.place).replace(path, "PATH")
            return during, delivered(sockets), shown

    assert in_namespace(scenario) == (False, True, "ingress of the cgroup PATH")


def test_a_socket_of_its_own_gets_only_what_matches() -> None:
    def scenario() -> tuple[list[int], bytes, bool]:
        network()
        with made("socket", action="keep").attach("far") as attachment:
            offer()
            first = attachment.counts()
            offer()
            second = attachment.counts()
            assert attachment.socket is not None and first is not None and second is not None
            frame = attachment.socket.recv(100)
        return [first.packets, second.packets], frame, attachment.is_attached()

    counts, frame, open_still = in_namespace(scenario)
    assert (counts, frame[36:38], open_still) == ([1, 2], bytes([0, BAD]), False)


def test_two_owners_of_tc_drop_what_either_wants() -> None:
    def scenario() -> list[bool]:
        network()
        with receivers() as sockets, attached("tc ingress", port=99):
            seen = [delivered(sockets)]
            with attached("tc ingress"):
                seen.append(delivered(sockets))
            return [*seen, delivered(sockets)]

    assert in_namespace(scenario) == [True, False, True]


def test_a_second_owner_of_xdp_is_refused_and_leaves_the_first() -> None:
    def scenario() -> tuple[tuple[str, int | None], bool]:
        network()
        with receivers() as sockets, attached("xdp"):
            before = len(os.listdir("/proc/self/fd"))
            found = refused(lambda: attached("xdp", port=99))
            assert len(os.listdir("/proc/self/fd")) == before
            return found, delivered(sockets)

    (message, _), during = in_namespace(scenario)
    assert (
        message == "the kernel refused XDP on 'far': EBUSY, an XDP program is attached there "
        "already"
    )
    assert not during


@pytest.mark.parametrize("down", [("link", "del", "near"), ("link", "set", "far", "down")])
def test_a_socket_ends_with_its_interface_but_not_when_that_is_down(down: tuple[str, ...]) -> None:
    def scenario() -> tuple[bool, bool]:
        network()
        program = bpfq.compile("udp", target="ebpf:socket")
        with program.attach("far") as attachment:
            before = attachment.is_attached()
            ip(*down)
            return before, attachment.is_attached()

    assert in_namespace(scenario) == (True, "down" in down)


def test_an_interface_that_goes_ends_it() -> None:
    def scenario() -> list[bool]:
        network()
        held = [attached(name) for name in ("xdp", "tc ingress")]
        before = [each.is_attached() for each in held]
        ip("link", "del", "near")
        return before + [each.is_attached() for each in held]

    assert in_namespace(scenario) == [True, True, False, False]


def test_a_pin_keeps_it_and_the_next_program_takes_its_place(tmp_path: Path) -> None:
    def scenario() -> list[object]:
        network()
        mount_bpffs(str(tmp_path))
        place, path = place_of("tc", "far", direction="ingress"), f"{tmp_path}/dns"
        seen: list[object] = []
        with receivers() as sockets:
            first = attach_pinned(made("tc", port=99).module, place, path, name="dns")
            seen += [first.replaced, delivered(sockets)]
            second = attach_pinned(made("tc").module, place, path, name="dns")
            seen += [second.replaced, second.id == first.id, delivered(sockets)]
            os.unlink(path)
            seen.append(in_the_end(lambda: link_with_id(second.id) is None))
            # the program goes a moment after its link
            seen.append(in_the_end(lambda: delivered(sockets)))
        return seen

    assert in_namespace(scenario) == [False, True, True, True, False, True, True]


def test_a_pinned_netfilter_program_is_replaced_under_its_name(tmp_path: Path) -> None:
    def scenario() -> list[object]:
        network()
        mount_bpffs(str(tmp_path))
        place, path = place_of("netfilter", "inet:input"), f"{tmp_path}/dns"
        seen: list[object] = []
        with receivers() as sockets:
            links: list[Pinned] = []
            for port in (99, BAD, 99):
                links.append(attach_pinned(made("netfilter", port=port).module, place, path))
                old = [each.id for each in links[:-1]]
                assert in_the_end(lambda: not any(map(link_with_id, old)))  # noqa: B023
                seen += [links[-1].place.priority, delivered(sockets)]
            seen.append(sorted(name for name in os.listdir(tmp_path) if "." not in name))
            os.unlink(path)
        return seen

    assert in_namespace(scenario) == [0, True, 1, False, 0, True, ["dns"]]


def test_a_pin_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    def scenario() -> list[str]:
        network()
        mount_bpffs(str(tmp_path))
        place, path = place_of("tc", "far", direction="ingress"), f"{tmp_path}/dns"
        attach_pinned(made("tc").module, place, path)
        with made("xdp").attach("far") as other:
            other._installed.program.pin(f"{tmp_path}/program")
        others = (
            (place_of("tc", "far", direction="egress"), path),
            (place_of("xdp", "far"), path),
            (place, f"{tmp_path}/program"),
            (place, f"{tmp_path}/none/x"),
        )
        said = [
            refused(lambda: attach_pinned(made(to.hook).module, to, at))[0]  # noqa: B023
            for to, at in others
        ]
        for name in ("dns", "program"):
            os.unlink(f"{tmp_path}/{name}")
        return [each.replace(str(tmp_path), "") for each in said]

    assert in_namespace(scenario) == [
        "/dns is tc ingress on far, not tc egress on far",
        "/dns is tc ingress on far, not XDP on far",
        "/program is a pinned program, not a link",
        "the kernel refused to pin /none/x: ENOENT, there is no such directory",
    ]


def test_an_interface_with_other_frames_is_refused() -> None:
    program = bpfq.compile("udp", target="ebpf:xdp", link="RAW", action="drop")
    with pytest.raises(UnsupportedError) as error:
        program.attach("lo")
    assert str(error.value) == ("the filter is for DLT_RAW, interface 'lo' delivers DLT_EN10MB")


def test_a_name_that_the_kernel_would_cut_is_refused() -> None:
    with pytest.raises(FilterError) as error:
        made("xdp").attach("lo", name="far-too-long-for-it")
    assert str(error.value) == "'far-too-long-for-it' is no name: 1 to 10 of A-Z, a-z, 0-9 and _"


@pytest.mark.parametrize(
    ("hook", "where", "options", "message"),
    [
        ("xdp", "lo", {"mode": "nativ"}, "no mode of XDP 'nativ'; there are auto, generic, native"),
        ("xdp", "lo", {"direction": "ingress"}, "direction 'ingress' is for tc and cgroups, not for xdp"),
        ("tc", "lo", {}, "no direction given; there are ingress, egress"),
        ("tc", "lo", {"direction": "in"}, "no direction 'in'; there are ingress, egress"),
        ("tc", "lo", {"direction": "ingress", "mode": "native"}, "mode 'native' is for XDP, not for tc"),
        ("tc", "lo", {"direction": "ingress", "priority": 3}, "a priority is for netfilter, not for tc"),
        ("netfilter", "ip:input", {}, "no netfilter family 'ip'; there are inet, inet6"),
        ("netfilter", "inet", {}, "no netfilter hook given; there are prerouting, input, forward, "
         "output, postrouting"),
        ("netfilter", "inet:inptu", {}, "no netfilter hook 'inptu'; there are prerouting, input, "
         "forward, output, postrouting"),
    ],
)  # fmt: skip
def test_wrong_words_for_a_place_are_told(
    hook: str, where: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(FilterError) as error:
        made(hook).attach(where, **options)  # type: ignore[arg-type]
    assert str(error.value) == message


def test_a_place_is_what_the_kernel_tells_of_its_link() -> None:
    def scenario() -> list[Place]:
        from bpfq.ebpf.places import found

        network()
        places = []
        for name in ON_AN_INTERFACE:
            with attached(name) as attachment:
                assert attachment.link is not None
                place = found(attachment.link.information())
                assert place is not None
                places.append(place)
        return places

    assert in_namespace(scenario) == [
        Place("xdp", "far", mode="native"),
        Place("xdp", "far", mode="generic"),
        Place("tc", "far", "ingress"),
        Place("tc", "near", "egress"),
        Place("netfilter", "inet", "input", priority=-5),
    ]


def test_an_interface_of_another_namespace_has_a_number_only() -> None:
    def scenario() -> list[Place | None]:
        from bpfq.ebpf.places import found, is_at

        network()
        held = [attached("xdp"), attached("tc egress")]
        told = [each.link.information() for each in held if each.link is not None]

        def elsewhere() -> list[Place | None]:
            network()  # interfaces with the same names and numbers
            assert not any(is_at(link, each.place) for link, each in zip(told, held, strict=True))
            return [found(link) for link in told]

        here = [found(link) for link in told]
        assert [place and place.where for place in here] == ["far", "near"]
        return in_namespace(elsewhere)

    xdp, tc = in_namespace(scenario)
    assert xdp is not None and tc is not None
    assert re.fullmatch(r"XDP on interface \d+ of another namespace", str(xdp))
    assert re.fullmatch(r"tc egress on interface \d+ of another namespace", str(tc))


def test_an_unknown_interface_is_named_with_those_there_are() -> None:
    with pytest.raises(LoadError, match=r"^no interface 'lp'; there are lo"):
        made("xdp").attach("lp")
