# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple, Type

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink, netlink_codec
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import NetlinkSocket
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    LibraryMissing,
    NotFound,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import (
    Kernel,
    ack,
    attribute,
    done,
    generic,
    message,
    sequence_of,
    u8,
    u16,
    u32,
)

ATTRIBUTES = (
    (1, "BYTE", "uint8"),
    (2, "SHORT", "uint16"),
    (3, "WORD", "uint32"),
    (4, "LONG", "uint64"),
    (5, "MAC", "l2addr"),
    (6, "FLAG", "flag"),
    (7, "BYTES", "cdata"),
)
FLAGS = (0, 0x8000, 0x4000, 0xC000)
WHERE = "a test"
Values = Dict[str, Any]
#: values, and the attributes that hold them
Case = Tuple[Values, bytes]


def bare() -> Any:
    return netlink_codec.message_class("nla", ATTRIBUTES)


def genl() -> Any:
    return netlink_codec.message_class("genlmsg", ATTRIBUTES)


# -- loading pyroute2 -------------------------------------------------------------------------------------------------


def run(code: str, *options: str, first: str = "") -> subprocess.CompletedProcess[str]:
    """Run *code* in a fresh interpreter, with the collection importable and the rest as here."""
    root = os.path.abspath(netlink.__file__).split(f"{os.sep}ansible_collections{os.sep}")[0]
    path = os.pathsep.join(filter(None, (first, root, os.environ.get("PYTHONPATH", ""))))
    house = "ansible_collections.vpro.fleet.plugins.module_utils"
    prelude = f"import sys\nfrom {house}._radio import netlink, netlink_codec\nfrom {house}._system import errors\n"
    return subprocess.run(
        [sys.executable, *options, "-c", prelude + textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=1800,  # for a hang alone: the machine may have other work
        check=False,
    )


def test_only_the_codec_is_loaded_and_an_honest_import_still_works() -> None:
    result = run(
        """
        assert not any(name.startswith(("pyroute2", "pr2modules.")) for name in sys.modules)
        codec = netlink_codec.load()
        assert codec is netlink_codec.load()
        assert codec.genlmsg and codec.nla
        left = [name for name in sys.modules if name.startswith(("pyroute2", "pr2modules."))]
        assert not left, left
        assert not any(name.endswith((".iproute", ".ndb", ".nlsocket")) for name in sys.modules)
        assert "multiprocessing" not in sys.modules and "asyncio" not in sys.modules
        import pyroute2
        assert pyroute2.IPRoute
        import pyroute2.netlink.rtnl
        from pyroute2.netlink import nlmsg
        assert nlmsg is not codec.nlmsg
        """
    )
    assert result.returncode == 0, result.stderr


def test_the_message_of_a_bare_load_and_of_an_honest_import_do_not_mix() -> None:
    result = run(
        """
        kind = netlink_codec.message_class("genlmsg", ((1, "WORD", "uint32"),))
        import pyroute2
        data = netlink_codec.encode(kind, {"type": 20}, {"cmd": 1, "version": 1}, [("WORD", 7)])
        assert netlink_codec.decode(kind, data, "x")["WORD"] == 7
        """
    )
    assert result.returncode == 0, result.stderr


def test_a_pyroute2_that_is_there_already_is_used() -> None:
    result = run(
        """
        import pyroute2.netlink
        assert netlink_codec.load() is sys.modules["pyroute2.netlink"]
        assert sys.modules["pyroute2"] is pyroute2
        """
    )
    assert result.returncode == 0, result.stderr


def test_without_pyroute2_everything_imports_and_use_names_the_package() -> None:
    result = run(
        """
        from ansible_collections.vpro.fleet.plugins.module_utils._radio import csme, nl80211, rtnetlink
        for use in (
            netlink_codec.load,
            nl80211.Nl80211,
            lambda: nl80211.Nl80211Events(["vendor"]),
            lambda: rtnetlink.addresses(1),
            rtnetlink.AddressEvents,
            lambda: csme.decode_connection(b""),
        ):
            try:
                use()
            except errors.LibraryMissing as error:
                assert "python3-pyroute2" in error.remedy, error.remedy
            else:
                raise AssertionError(use)
        assert "pyroute2" not in sys.modules
        """,
        "-S",  # no site-packages: no third-party library
    )
    assert result.returncode == 0, result.stderr


def test_a_broken_pyroute2_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    package = tmp_path / "pyroute2"
    (package / "netlink").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('must not be run')\n")
    (package / "netlink" / "__init__.py").write_text("from distutils_that_is_gone import version\n")
    result = run(
        """
        try:
            netlink_codec.load()
        except errors.LibraryMissing as error:
            assert "distutils_that_is_gone" in error.what, error.what
        else:
            raise AssertionError
        assert not any(name.startswith("pyroute2") for name in sys.modules)
        """,
        first=str(tmp_path),
    )
    assert result.returncode == 0, result.stderr


def test_library_missing_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    netlink_codec.load.cache_clear()
    try:
        monkeypatch.setitem(sys.modules, "pyroute2", None)
        with pytest.raises(LibraryMissing):
            netlink_codec.load()
        monkeypatch.undo()
        assert netlink_codec.load().nla
    finally:
        netlink_codec.load.cache_clear()
        netlink_codec.message_class.cache_clear()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where a test lays out a pyroute2 of its own; none is loaded yet."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("pyroute2", "pr2modules")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    netlink_codec.load.cache_clear()
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    netlink_codec.load.cache_clear()


def lay_out(folder: Path, files: Dict[str, str]) -> None:
    """Write files by their paths below a folder."""
    for name, code in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)


@pytest.mark.parametrize("package", ["pyroute2", "pr2modules"])
def test_of_both_layouts_the_codec_alone_is_loaded_and_only_what_is_pyroute2s_goes_again(
    elsewhere: Path, package: str
) -> None:
    codec = "from . import part\nimport pyroute2, pyroute2_beside\nPARENT = pyroute2.__name__\n"
    lay_out(
        elsewhere,
        {
            "pr2modules/__init__.py": "",
            "pyroute2/__init__.py": "raise SystemExit('must not be run')\n",
            "pyroute2_beside.py": "",
            f"{package}/netlink/__init__.py": codec,
            f"{package}/netlink/part.py": "",
        },
    )
    loaded = netlink_codec.load()
    assert (loaded.__name__, loaded.PARENT) == (f"{package}.netlink", "pyroute2")
    assert loaded.__file__.startswith(str(elsewhere))
    left = sorted(name for name in sys.modules if name.startswith(("pyroute2", "pr2modules")))
    assert left == ["pyroute2_beside"]


def test_what_was_loaded_before_stays(elsewhere: Path) -> None:
    files = ("pr2modules/__init__.py", "pr2modules/netlink/__init__.py", "pyroute2/__init__.py")
    lay_out(elsewhere, dict.fromkeys(files, ""))
    kept = importlib.import_module("pr2modules")
    assert netlink_codec.load().__name__ == "pr2modules.netlink"
    assert sys.modules["pr2modules"] is kept
    assert "pyroute2" not in sys.modules


def test_a_module_that_only_has_the_name_is_no_pyroute2(elsewhere: Path) -> None:
    lay_out(elsewhere, {"pyroute2.py": "raise SystemExit('must not be run')\n"})
    with pytest.raises(LibraryMissing, match="not installed") as caught:
        netlink_codec.load()
    assert caught.value.where == sys.executable
    assert "python3-pyroute2" in caught.value.remedy


# -- the decoder ------------------------------------------------------------------------------------------------------

VALUES = st.fixed_dictionaries(
    {},
    optional={
        "BYTE": st.integers(0, 2**8 - 1),
        "SHORT": st.integers(0, 2**16 - 1),
        "WORD": st.integers(0, 2**32 - 1),
        "LONG": st.integers(0, 2**64 - 1),
        "MAC": st.binary(min_size=6, max_size=6),
        "FLAG": st.just(True),
        "BYTES": st.binary(max_size=40),
    },
)
NUMBERS = {name: number for number, name, _type in ATTRIBUTES}
FORMATS = {"BYTE": "=B", "SHORT": "=H", "WORD": "=I", "LONG": "=Q"}


def payload_of(name: str, value: Any) -> bytes:
    if name in FORMATS:
        return struct.pack(FORMATS[name], value)
    return b"" if name == "FLAG" else bytes(value)


def expected_of(values: Values) -> Values:
    return {name: value.hex(":") if name == "MAC" else value for name, value in values.items()}


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Fail when pyroute2 logs: it logs a traceback for what it cannot decode."""
    records: List[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[assignment]
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert not records


@st.composite
def encoded(draw: st.DrawFn) -> Case:
    """(values, bytes): in any order, flag bits set, unknown attributes between, an overruled duplicate before."""
    values = draw(VALUES)
    parts = [
        attribute(NUMBERS[name] | draw(st.sampled_from(FLAGS)), payload_of(name, value))
        for name, value in draw(st.permutations(sorted(values.items())))
    ]
    for payload in draw(st.lists(st.binary(max_size=9), max_size=3)):
        number = draw(st.integers(8, 0x3FFF)) | draw(st.sampled_from(FLAGS))
        parts.insert(draw(st.integers(0, len(parts))), attribute(number, payload))
    for name in sorted(values):
        if draw(st.booleans()):
            parts.insert(0, attribute(NUMBERS[name], payload_of(name, draw(VALUES).get(name, values[name]))))
    return values, b"".join(parts)


@settings(deadline=None)
@given(encoded())
def test_decode_bare(case: Case) -> None:
    values, data = case
    with silence():
        assert netlink_codec.decode(bare(), data, WHERE) == expected_of(values)


@settings(deadline=None)
@given(encoded(), st.integers(0, 255))
def test_decode_message(case: Case, command: int) -> None:
    values, data = case
    with silence():
        decoded = netlink_codec.decode(genl(), generic(20, command, data), WHERE)
    assert decoded == {"cmd": command, "version": 1, "reserved": 0, **expected_of(values)}


@settings(deadline=None)
@given(VALUES)
def test_encode_then_decode(values: Values) -> None:
    attributes = list(expected_of(values).items())
    data = netlink_codec.encode(genl(), {"type": 20, "sequence_number": 9}, {"cmd": 3, "version": 1}, attributes)
    assert data[:20] == struct.pack("=IHHIIBBH", len(data), 20, 0, 9, 0, 3, 1, 0)
    decoded = netlink_codec.decode(genl(), data, WHERE)
    assert {name: decoded[name] for name in decoded if name in NUMBERS} == expected_of(values)


def test_encode_writes_what_the_kernel_reads() -> None:
    attributes = [("WORD", 7), ("BYTES", b"abc"), ("FLAG", True), ("MAC", "01:02:03:04:05:06")]
    data = netlink_codec.encode(genl(), {"type": 20}, {"cmd": 3, "version": 1}, attributes)
    expected = [u32(3, 7), attribute(7, b"abc"), attribute(6), attribute(5, bytes(range(1, 7)))]
    assert data == generic(20, 3, *expected)


@settings(deadline=None)
@given(encoded(), st.data())
def test_cut_anywhere(case: Case, data: st.DataObject) -> None:
    _values, whole = case
    cut = data.draw(st.integers(0, len(whole)))
    offset, complete = 0, cut == 0
    names = set()
    while offset < cut:  # an independent walk: is the cut in an attribute, or in the padding after one?
        length, number = struct.unpack_from("=HH", whole, offset)
        complete = cut >= offset + length
        names.add(number & 0x3FFF)
        offset += (length + 3) & ~3
    with silence():
        if complete:
            decoded = netlink_codec.decode(bare(), whole[:cut], WHERE)
            assert {NUMBERS[name] for name in decoded} == names & set(NUMBERS.values())
        else:
            with pytest.raises(DecodeFailed):
                netlink_codec.decode(bare(), whole[:cut], WHERE)


@pytest.mark.parametrize("kind", [bare, genl])
@settings(deadline=None, max_examples=300)
@given(data=st.binary(max_size=64))
def test_arbitrary_bytes(kind: Callable[[], Any], data: bytes) -> None:
    with silence():
        for prefix in (b"", struct.pack("=IHHII", 16 + len(data), 20, 0, 0, 0)):
            with contextlib.suppress(DecodeFailed):
                netlink_codec.decode(kind(), prefix + data, WHERE)
            with contextlib.suppress(DecodeFailed):
                netlink_codec.elements(prefix + data, WHERE)


@settings(deadline=None, max_examples=300)
@given(encoded(), st.data())
def test_spoilt_bytes(case: Case, data: st.DataObject) -> None:
    spoilt = bytearray(generic(20, 1, case[1]))
    for _count in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    with silence(), contextlib.suppress(DecodeFailed):
        netlink_codec.decode(genl(), bytes(spoilt), WHERE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (attribute(3, b"\1\0\0"), "WORD at offset 0 has 3 bytes, not 4"),
        (attribute(3, b"\1\0\0\0\0"), "WORD at offset 0 has 5 bytes, not 4"),
        (attribute(3), "WORD at offset 0 has 0 bytes, not 4"),
        (u8(1, 7) + u32(1, 7), "BYTE at offset 8 has 4 bytes, not 1"),
        (u32(3, 7) + attribute(5, b"12345"), "MAC at offset 8 has 5 bytes, not 6"),
        (attribute(6, b"\1"), "FLAG at offset 0 has 1 bytes, not 0"),
        (struct.pack("=HH", 0, 7), "offset 0 has a wrong length"),
        (struct.pack("=HH", 3, 99), "offset 0 has a wrong length"),
        (struct.pack("=HH", 5, 7), "offset 0 has a wrong length"),
        (struct.pack("=HH", 0xFFFF, 99), "offset 0 has a wrong length"),
        (u32(3, 7) + b"\0", "1 bytes are left over at offset 8"),
        (b"\0\0\0", "3 bytes are left over at offset 0"),
    ],
)
def test_malformed_attributes(data: bytes, reason: str) -> None:
    with silence(), pytest.raises(DecodeFailed, match=reason) as caught:
        netlink_codec.decode(bare(), data, WHERE)
    assert caught.value.where == WHERE
    with silence(), pytest.raises(DecodeFailed):
        netlink_codec.decode(genl(), generic(20, 1, data), WHERE)


@pytest.mark.parametrize("length", [0, 4, 15, 19, 21, 2**32 - 1])
def test_a_message_whose_length_is_wrong(length: int) -> None:
    with silence(), pytest.raises(DecodeFailed, match="cut short or has a wrong length") as caught:
        netlink_codec.decode(genl(), struct.pack("=IHHIIBBH", length, 20, 0, 0, 0, 1, 1, 0), WHERE)
    assert caught.value.where == WHERE


def test_a_value_never_comes_from_the_bytes_behind_it() -> None:
    inner = struct.pack("=HH", 5, 3) + b"\1"  # a u32 of one byte, and no padding: pyroute2 would read on
    with pytest.raises(DecodeFailed):
        netlink_codec.decode(bare(), inner + b"\2\3\4" + u32(3, 9), WHERE)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=12)), max_size=6))
@settings(deadline=None)
def test_elements(items: List[Tuple[int, bytes]]) -> None:
    data = b"".join(attribute(number, payload) for number, payload in items)
    assert netlink_codec.elements(data, WHERE) == tuple(payload for _number, payload in items)


def test_an_element_of_length_zero_does_not_hang() -> None:
    with pytest.raises(DecodeFailed):
        netlink_codec.elements(u32(1, 1) + bytes(8), WHERE)


def test_required() -> None:
    assert netlink_codec.required({"WORD": 0}, "WORD", WHERE) == 0
    with pytest.raises(DecodeFailed, match="Attribute WORD is missing") as caught:
        netlink_codec.required({}, "WORD", WHERE)
    assert caught.value.where == WHERE


def test_text() -> None:
    assert netlink_codec.text(b"wlan0\0") == "wlan0"
    assert netlink_codec.text(b"wlan0") == "wlan0"
    assert os.fsencode(netlink_codec.text(b"wl\xff\0rest")) == b"wl\xff"


# -- datagrams --------------------------------------------------------------------------------------------------------


def test_split() -> None:
    first, second = message(20, b"abc", flags=2, sequence=5), message(3, b"")
    assert netlink_codec.split(first + b"\0" + second, WHERE) == [
        netlink_codec.Message(20, 2, 5, first),
        netlink_codec.Message(3, 0, 0, second),
    ]
    assert netlink_codec.split(b"", WHERE) == []
    assert [part.data for part in netlink_codec.split(first, WHERE)] == [first]  # unpadded at the end


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_split_arbitrary_bytes(data: bytes) -> None:
    try:
        parts = netlink_codec.split(data, WHERE)
    except DecodeFailed:
        return
    assert all(len(part.data) >= 16 for part in parts)
    assert sum(len(part.data) for part in parts) <= len(data)


@pytest.mark.parametrize("cut", range(1, 43))
def test_split_cut_anywhere(cut: int) -> None:
    whole = message(20, b"abcd") + message(20, b"efgh12")
    if cut in (20, 42):
        assert netlink_codec.split(whole[:cut], WHERE)
    else:
        with pytest.raises(DecodeFailed):
            netlink_codec.split(whole[:cut], WHERE)


# -- the socket, against a scripted kernel ----------------------------------------------------------------------------


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    double = Kernel()
    monkeypatch.setattr(netlink, "_open", lambda _protocol: double)
    yield double
    double.close()


@pytest.fixture
def sock(kernel: Kernel) -> Iterator[NetlinkSocket]:
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket") as opened:
        yield opened


def ask(sock: NetlinkSocket, *, dump: bool = False, timeout: float = 2.0) -> Tuple[bytes, ...]:
    return sock.request("Asking", genl(), 20, {"cmd": 1, "version": 1}, [("WORD", 7)], dump=dump, timeout=timeout)


def test_request_and_ack(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [
        generic(20, 2, u32(3, 8), sequence=sequence_of(request)),
        ack(sequence_of(request)),
    ]
    (reply,) = ask(sock)
    assert netlink_codec.decode(genl(), reply, WHERE)["WORD"] == 8
    assert kernel.requests == [generic(20, 1, u32(3, 7), flags=0x05, sequence=1)]


def test_answer_and_ack_in_one_datagram(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [generic(20, 2, sequence=sequence_of(request)) + ack(sequence_of(request))]
    assert len(ask(sock)) == 1


def test_only_an_ack(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request))]
    assert ask(sock) == ()


def test_dump_in_several_datagrams(kernel: Kernel, sock: NetlinkSocket) -> None:
    def answer(request: bytes) -> List[bytes]:
        parts = [generic(20, 2, u32(3, value), flags=2, sequence=sequence_of(request)) for value in range(5)]
        return [
            b"".join(parts[:3]),
            message(1, b"", sequence=sequence_of(request)) + parts[3],
            parts[4],
            done(sequence_of(request)),
        ]

    kernel.answer = answer
    assert [netlink_codec.decode(genl(), part, WHERE)["WORD"] for part in ask(sock, dump=True)] == [0, 1, 2, 3, 4]
    assert kernel.requests == [generic(20, 1, u32(3, 7), flags=0x301, sequence=1)]


def test_an_empty_dump_whose_end_has_no_status(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [message(3, b"", sequence=sequence_of(request))]
    assert ask(sock, dump=True) == ()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EPERM, AccessDenied),
        (errno.EACCES, AccessDenied),
        (errno.ENODEV, NotFound),
        (errno.ENOENT, NotFound),
        (errno.EINVAL, TransportFailed),
        (errno.EOPNOTSUPP, TransportFailed),
        (524, TransportFailed),  # ENOTSUPP, which only the kernel knows
        (errno.EBUSY, TransportFailed),
    ],
)
@pytest.mark.parametrize("dump", [False, True])
def test_errors(kernel: Kernel, sock: NetlinkSocket, number: int, kind: Type[FleetError], dump: bool) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), number)]
    with pytest.raises(kind, match="Asking: ") as caught:
        ask(sock, dump=dump)
    assert caught.value.where == "test socket"
    assert getattr(caught.value, "errno", number) == number
    assert caught.value.remedy.startswith("Run as root") == (kind is AccessDenied)
    assert "(" not in str(caught.value).partition(" (test socket)")[0], "the kernel explained nothing"
    kernel.answer = lambda request: [ack(sequence_of(request))]
    assert ask(sock) == ()


def test_a_dump_that_fails_at_its_end(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [
        generic(20, 2, flags=2, sequence=sequence_of(request)),
        done(sequence_of(request), error=errno.EIO),
    ]
    with pytest.raises(TransportFailed) as caught:
        ask(sock, dump=True)
    assert caught.value.errno == errno.EIO


def test_the_kernels_explanation(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), errno.EINVAL, "no such thing")]
    with pytest.raises(TransportFailed, match=r"Invalid argument \(no such thing\)"):
        ask(sock)


@pytest.mark.parametrize("extra", [b"", b"odd"])
def test_the_kernels_explanation_behind_the_whole_request(kernel: Kernel, sock: NetlinkSocket, extra: bytes) -> None:
    def answer(request: bytes) -> List[bytes]:  # of an older kernel, which does not cap
        asked = message(20, request[16:] + extra, sequence=1) + bytes(-len(extra) % 4)
        payload = struct.pack("=i", -errno.EINVAL) + asked + attribute(1, b"no such thing\0") + u32(2, 20)
        return [message(2, payload, flags=0x200, sequence=sequence_of(request))]

    kernel.answer = answer
    with pytest.raises(TransportFailed, match="no such thing"):
        ask(sock)


@pytest.mark.parametrize(
    ("rest", "flags"),
    [
        (attribute(1, b"no such thing\0"), 0x100),  # nothing says that an explanation follows
        (u32(2, 20), 0x300),
        (b"\xff\xff\xff\xff", 0x300),
        (b"", 0x300),
    ],
)
def test_an_error_that_the_kernel_does_not_explain(
    kernel: Kernel, sock: NetlinkSocket, rest: bytes, flags: int
) -> None:
    payload = struct.pack("=i", -errno.EINVAL) + struct.pack("=IHHII", 20, 0, 0, 0, 0) + rest
    kernel.answer = lambda request: [message(2, payload, flags=flags, sequence=sequence_of(request))]
    with pytest.raises(TransportFailed) as caught:
        ask(sock)
    assert caught.value.what == "Asking: Invalid argument"


@settings(deadline=None)
@given(rest=st.binary(max_size=40), flags=st.sampled_from([0, 0x100, 0x200, 0x300]))
def test_any_error_message(rest: bytes, flags: int) -> None:
    payload = struct.pack("=i", -errno.EINVAL) + rest
    (error,) = netlink_codec.split(message(2, payload, flags=flags), WHERE)
    with silence():
        assert netlink._outcome(error, WHERE)[0] == errno.EINVAL


def test_an_error_message_that_is_cut_short(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [message(2, b"\0\0", sequence=sequence_of(request))]
    with pytest.raises(DecodeFailed, match="cut short") as caught:
        ask(sock)
    assert caught.value.where == "test socket"


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_list_that_changed_is_asked_for_again(kernel: Kernel, sock: NetlinkSocket, at_the_end: bool) -> None:
    def answer(request: bytes) -> List[bytes]:
        first = len(kernel.requests) == 1
        part = generic(20, 2, flags=2 | (0x10 if first and not at_the_end else 0), sequence=sequence_of(request))
        return [part, done(sequence_of(request), flags=0x10 if first and at_the_end else 0)]

    kernel.answer = answer
    assert len(ask(sock, dump=True)) == 1
    assert len(kernel.requests) == 2


def test_a_command_is_never_sent_twice(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [
        generic(20, 2, flags=0x10, sequence=sequence_of(request)) + ack(sequence_of(request))
    ]
    assert len(ask(sock)) == 1
    assert len(kernel.requests) == 1


def test_a_list_that_never_keeps_still(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [done(sequence_of(request), flags=0x10)]
    with pytest.raises(TransportFailed, match="Asking: the list kept changing") as caught:
        ask(sock, dump=True)
    assert (caught.value.where, caught.value.errno) == ("test socket", errno.EAGAIN)
    assert len(kernel.requests) == netlink.DUMP_ATTEMPTS


def test_no_answer(kernel: Kernel, sock: NetlinkSocket) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match="Asking: the kernel did not answer in time") as caught:
        ask(sock, timeout=0.05)
    assert 0.05 <= time.monotonic() - began < 1
    assert caught.value.where == "test socket"


def test_a_late_answer_is_not_taken_for_the_next_one(kernel: Kernel, sock: NetlinkSocket) -> None:
    with pytest.raises(TimedOut):
        ask(sock, timeout=0.02)
    kernel.queue(generic(20, 2, u32(3, 1), sequence=1) + ack(1))
    kernel.answer = lambda request: [ack(1, errno.EIO), generic(20, 2, u32(3, 2), sequence=2) + ack(2)]
    (reply,) = ask(sock)
    assert netlink_codec.decode(genl(), reply, WHERE)["WORD"] == 2
    kernel.answer = lambda request: [ack(1, errno.EIO) + generic(20, 2, u32(3, 3), sequence=3) + ack(3)]
    (reply,) = ask(sock)
    assert netlink_codec.decode(genl(), reply, WHERE)["WORD"] == 3


def test_a_stream_of_foreign_messages_does_not_put_the_timeout_off(
    kernel: Kernel, sock: NetlinkSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(buffers: List[memoryview]) -> Any:
        if kernel.requests:
            kernel.queue(ack(99))
        return original(buffers)

    original = kernel.recvmsg_into
    monkeypatch.setattr(kernel, "recvmsg_into", endless)
    kernel.answer = lambda _request: [ack(98)]
    with pytest.raises(TimedOut):
        ask(sock, timeout=0.05)


def test_signals_do_not_end_the_wait(kernel: Kernel, sock: NetlinkSocket) -> None:
    hits: List[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_args: hits.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            ask(sock, timeout=0.1)
        assert time.monotonic() - began >= 0.1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert hits


def test_lost_answers(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda _request: [OSError(errno.ENOBUFS, "No buffer space available")]
    with pytest.raises(TransportFailed, match="Asking: the answer was lost") as caught:
        ask(sock)
    assert (caught.value.where, caught.value.errno) == ("test socket", errno.ENOBUFS)
    kernel.answer = lambda request: [message(4, b"", sequence=sequence_of(request))]
    with pytest.raises(TransportFailed, match="Asking: the kernel lost data") as caught:
        ask(sock)
    assert (caught.value.where, caught.value.errno) == ("test socket", errno.ENOBUFS)


def test_lost_events(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.queue(generic(20, 1))
    kernel.queue(OSError(errno.ENOBUFS, "No buffer space available"))
    kernel.queue(generic(20, 2))
    assert sock.receive()
    with pytest.raises(netlink.EventsLost, match="The kernel dropped events") as caught:
        sock.receive()
    assert (caught.value.code, caught.value.where) == ("events_lost", "test socket")
    assert sock.receive()
    assert sock.receive() is None


def test_a_failing_socket(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.queue(OSError(errno.EBADF, "Bad file descriptor"))
    with pytest.raises(TransportFailed, match="Cannot read") as caught:
        sock.receive()
    assert (caught.value.errno, caught.value.where) == (errno.EBADF, "test socket")
    kernel.queue(OSError("without a number"))
    with pytest.raises(TransportFailed) as caught:
        sock.receive()
    assert caught.value.errno == 0


def test_a_request_that_can_not_be_sent(monkeypatch: pytest.MonkeyPatch, kernel: Kernel, sock: NetlinkSocket) -> None:
    def refuse(_data: bytes, _address: object) -> None:
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    monkeypatch.setattr(kernel, "sendto", refuse)
    with pytest.raises(TransportFailed, match="Cannot write to the netlink socket: No buffer space") as caught:
        ask(sock)
    assert (caught.value.errno, caught.value.where) == (errno.ENOBUFS, "test socket")


def test_an_older_kernel_that_knows_no_options_will_do(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> None:
    def refuse(_level: int, _option: int, _value: int) -> None:
        raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))

    monkeypatch.setattr(kernel, "setsockopt", refuse)
    kernel.answer = lambda request: [ack(sequence_of(request))]
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket") as opened:
        assert ask(opened) == ()


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EPERM, AccessDenied, "Operation not permitted"),
        (errno.ENOENT, NotFound, "No such file or directory"),
        (errno.EINVAL, TransportFailed, "Invalid argument"),
    ],
)
def test_a_group_that_may_not_be_joined(
    monkeypatch: pytest.MonkeyPatch,
    kernel: Kernel,
    sock: NetlinkSocket,
    number: int,
    kind: Type[FleetError],
    words: str,
) -> None:
    def refuse(_level: int, _option: int, _value: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(kernel, "setsockopt", refuse)
    with pytest.raises(kind) as caught:
        sock.join(11)
    assert caught.value.what == f"Subscribing to group 11: {words}"
    assert caught.value.where == "test socket"
    assert getattr(caught.value, "errno", number) == number


def test_only_the_kernel_is_believed(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.port = 4711
    kernel.queue(generic(20, 1))
    assert sock.receive() == []


def test_a_malformed_datagram_is_skipped_over(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.queue(b"\xff" * 20)
    with pytest.raises(DecodeFailed, match="at offset 0 is cut short") as caught:
        sock.receive()
    assert caught.value.where == "test socket"
    kernel.queue(bytes(netlink.RECEIVE_BUFFER + 1))
    with pytest.raises(DecodeFailed, match="longer than") as caught:
        sock.receive()
    assert caught.value.where == "test socket"
    for _datagram in range(2):
        kernel.queue(b"\xff" * 20)  # left unread: a request throws it away
    kernel.queue(OSError(errno.ENOBUFS, "No buffer space available"))
    kernel.queue(b"\xff" * 20)
    kernel.answer = lambda request: [ack(sequence_of(request))]
    assert ask(sock) == ()


def test_closing(kernel: Kernel) -> None:
    sock = netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket")
    assert sock.fileno() == kernel.fileno()
    sock.close()
    sock.close()
    assert kernel.fileno() == -1


def test_no_such_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_protocol: int) -> None:
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    monkeypatch.setattr(netlink, "_open", refuse)
    with pytest.raises(TransportFailed, match="Cannot open the netlink socket: Protocol not supported") as caught:
        netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket")
    assert (caught.value.where, caught.value.errno) == ("test socket", errno.EPROTONOSUPPORT)


def test_how_the_socket_is_opened_and_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    opened: List[Tuple[int, ...]] = []
    options: List[Tuple[int, ...]] = []
    polled: List[Tuple[int, ...]] = []

    class Poll:
        def register(self, *arguments: int) -> None:
            polled.append(arguments)

    def open_socket(*arguments: int) -> Kernel:
        opened.append(arguments)
        return kernel

    monkeypatch.setattr(f"{netlink.__name__}.socket.socket", open_socket)
    monkeypatch.setattr(f"{netlink.__name__}.select.poll", Poll)
    monkeypatch.setattr(kernel, "setsockopt", lambda *arguments: options.append(arguments))
    made = netlink.NetlinkSocket(netlink.NETLINK_ROUTE, "test socket")
    # No program that is run later gets it.
    assert opened == [(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)]
    # Plain errors with explanations, and dumps that are filtered; linux/include/uapi/linux/netlink.h.
    assert options == [(270, 10, 1), (270, 11, 1), (270, 12, 1)]
    # That it could be written to is nothing to wake up for.
    assert polled == [(kernel.fileno(), select.POLLIN)]
    made.close()


# -- generic netlink families -----------------------------------------------------------------------------------------


def family_reply(sequence: int, *attributes: bytes) -> List[bytes]:
    return [generic(16, 1, *attributes, sequence=sequence), ack(sequence)]


def groups(*pairs: Tuple[bytes, int]) -> bytes:
    return attribute(7, b"".join(attribute(i, attribute(1, n) + u32(2, g)) for i, (n, g) in enumerate(pairs, 1)))


def test_family(kernel: Kernel, sock: NetlinkSocket) -> None:
    answer = u16(1, 34), attribute(2, b"nl80211\0"), u32(3, 1), groups((b"config\0", 6), (b"vendor\0", 11))
    kernel.answer = lambda request: family_reply(sequence_of(request), *answer)
    assert netlink.family(sock, "nl80211") == netlink.Family(34, {"config": 6, "vendor": 11})
    assert kernel.requests == [generic(16, 3, attribute(2, b"nl80211\0"), flags=0x05, sequence=1)]


def test_family_without_groups(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: family_reply(sequence_of(request), u16(1, 34))
    assert netlink.family(sock, "x") == netlink.Family(34, {})


@pytest.mark.parametrize(
    "attributes",
    [
        (),
        (groups((b"a\0", 1)),),
        (u16(1, 34), attribute(7, attribute(1, u32(2, 1)))),
        (u16(1, 34), attribute(7, attribute(1, attribute(1, b"a\0")))),
        (u16(1, 34), attribute(7, attribute(1, attribute(1, b"a\0") + u8(2, 1)))),
        (u16(1, 34), attribute(7, b"\0\0\0\0")),
        (u32(1, 34),),
    ],
)
def test_malformed_family(kernel: Kernel, sock: NetlinkSocket, attributes: Tuple[bytes, ...]) -> None:
    kernel.answer = lambda request: family_reply(sequence_of(request), *attributes)
    with pytest.raises(DecodeFailed) as caught:
        netlink.family(sock, "x")
    assert caught.value.where == "Looking up the netlink family x"


def test_a_family_that_there_is_not(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), errno.ENOENT)]
    with pytest.raises(NotFound, match="The kernel has no netlink family x") as caught:
        netlink.family(sock, "x")
    assert caught.value.where == "test socket"
    assert caught.value.remedy.startswith("Load the kernel module that provides it")


def test_a_family_is_not_waited_for_longer_than_asked(kernel: Kernel, sock: NetlinkSocket) -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOut, match="Looking up the netlink family x"):
        netlink.family(sock, "x", timeout=0.05)
    assert time.monotonic() - begun < 2


def test_family_without_an_answer(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request))]
    with pytest.raises(DecodeFailed, match="empty") as caught:
        netlink.family(sock, "x")
    assert caught.value.where == "test socket"


# -- the kernel that runs this ----------------------------------------------------------------------------------------


@pytest.fixture
def real() -> Iterator[NetlinkSocket]:
    try:
        opened = netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket")
    except TransportFailed as error:
        pytest.skip(f"no generic netlink here: {error}")
    with opened:
        yield opened


def test_a_real_family(real: NetlinkSocket) -> None:
    found = netlink.family(real, "nlctrl")
    assert found.number == 16
    assert found.groups["notify"] == 16
    assert netlink.family(real, "nlctrl") == found


def test_a_real_missing_family(real: NetlinkSocket) -> None:
    with pytest.raises(NotFound, match="no netlink family no-such-family"):
        netlink.family(real, "no-such-family")
    assert netlink.family(real, "nlctrl").number == 16


def test_a_real_dump(real: NetlinkSocket) -> None:
    kind = netlink_codec.message_class("genlmsg", netlink._CTRL)
    replies = real.request("Listing families", kind, 16, {"cmd": 3, "version": 1}, dump=True)
    names = [netlink_codec.text(netlink_codec.decode(kind, reply, WHERE)["CTRL_ATTR_FAMILY_NAME"]) for reply in replies]
    assert "nlctrl" in names


def test_a_real_error(real: NetlinkSocket) -> None:
    kind = netlink_codec.message_class("genlmsg", netlink._CTRL)
    with pytest.raises(TransportFailed) as caught:
        real.request("Asking nonsense", kind, 16, {"cmd": 250, "version": 1})
    assert caught.value.errno == errno.EOPNOTSUPP


def test_a_real_subscription(real: NetlinkSocket) -> None:
    real.join(netlink.family(real, "nlctrl").groups["notify"])
    assert real.receive() is None
