# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's configuration file, on a real file system."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import conf as _wpa_conf
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf import (
    Block,
    append,
    edit,
    new_block,
    parse,
    render,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    TransportFailed,
)

CANARY = "canary-0f3e"

CONFIGURATION = """\
# the header
ctrl_interface=/run/wpa_supplicant # where

blob-base64-x={
network={
}
cred={
\trealm="example.org"
}
  network={  # ours
\t# a comment
\tssid="a#b"\t# the name
\tpsk="one"
    psk="two"
  }
#network={
network={
\tssid=6162
\tkey_mgmt=NONE
}
"""


def blocks(text: str) -> List[Block]:
    return [part for part in parse(text) if isinstance(part, Block)]


def test_blocks_are_found_where_they_are() -> None:
    first, second = blocks(CONFIGURATION)
    assert first.variables == {"ssid": '"a#b"', "psk": '"two"'}
    assert first.text.startswith("  network={  # ours\n")
    assert first.text.endswith("  }\n")
    assert second.variables == {"ssid": "6162", "key_mgmt": "NONE"}
    assert render(parse(CONFIGURATION)) == CONFIGURATION


@pytest.mark.parametrize(
    "text", ["network={\n", "network={\nssid=00\n", "cred={\n", "blob-base64-x={\nnetwork={\n", "}\0"]
)
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(DecodeFailed, match=r"/etc/x\.conf"):
        parse(text, "/etc/x.conf")


def test_the_line_of_a_block_that_is_not_closed_is_named() -> None:
    with pytest.raises(DecodeFailed, match="line 3"):
        parse("# x\n\nnetwork={\n\tssid=00\n")


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("", ""),
        ("\n", ""),
        ("  # x\n", ""),
        ("\t psk=1 \t\r\n", "psk=1"),
        ("psk=1 # x\n", "psk=1"),
        ('psk="a # b" # c\n', 'psk="a # b"'),
        ('psk="a"# b" # c\n', 'psk="a"'),
        ('psk="a#b\n', 'psk="a'),
        ("psk=a#b#c\n", "psk=a"),
        ('a="x"b="#"#\n', 'a="x"b="#"'),
        ("}  \n", "}"),
        ("\v}\n", "\v}"),
    ],
)
def test_what_wpa_supplicant_makes_of_a_line(line: str, content: str) -> None:
    """Worked out by hand from wpa_config_get_line(); the odd ones were seen with 2.10."""
    assert _wpa_conf._content(line) == content


LINES = st.lists(
    st.sampled_from(
        [
            *("network={", " network={ # x", "}", "\t}", "cred={", "blob-base64-b={", "", "# network={", "ssid=00"),
            *('psk="a#b" # c', "}#", "network={}", "a=b\r", "\x0b", "\x85network={", "\u2028", "\udcff"),
        ]
    )
    | st.text(st.characters(exclude_characters="\n\0")),
    max_size=30,
)


@given(LINES, st.booleans())
def test_any_text_survives_or_is_refused(lines: List[str], ends: bool) -> None:
    text = "\n".join(lines) + ("\n" if ends else "")
    try:
        parts = parse(text)
    except DecodeFailed:
        return
    assert render(parts) == text
    block = new_block({"ssid": "00"})
    more = append(parts, block)
    assert render(more).startswith(text)
    # What was added is found again, and nothing else is disturbed by it.
    again = parse(render(more))
    assert again[-1] == block
    assert [b.body for b in again[:-1] if isinstance(b, Block)] == [b.body for b in parts if isinstance(b, Block)]


def test_append_begins_a_line_of_its_own() -> None:
    block = new_block({"ssid": "00"})
    assert render(append(parse("ap_scan=1"), block)) == "ap_scan=1\nnetwork={\n\tssid=00\n}\n"
    assert render(append(parse("ap_scan=1\n"), block)) == "ap_scan=1\nnetwork={\n\tssid=00\n}\n"
    assert render(append(parse("network={\n}"), block)) == "network={\n}\nnetwork={\n\tssid=00\n}\n"
    assert render(append((), block)) == "network={\n\tssid=00\n}\n"


BLOCK = blocks(
    'network={\n  # theirs\n  ssid="a"  # name\n\tpsk="old" # one\n  bgscan=""\n\tpsk="older"# two\n  id_str="x"\n}\n'
)[0]


def test_only_the_lines_that_differ_change() -> None:
    new = edit(
        BLOCK,
        {"ssid": "61", "psk": '"new"', "key_mgmt": "WPA-PSK", "bssid": None},
        frozenset({"psk", "key_mgmt"}),
        frozenset({"id_str"}),
    )
    assert new.text == (
        'network={\n  # theirs\n  ssid="a"  # name\n  bgscan=""\n\tpsk="new"# two\n\tkey_mgmt=WPA-PSK\n}\n'
    )


def test_nothing_to_change_changes_nothing() -> None:
    plain = blocks('network={\n  ssid="a" # x\n\n garbage\n\tpsk="b"\n}')[0]
    assert edit(plain, {"ssid": "61", "psk": '"b"', "bssid": None}, frozenset(), frozenset({"proto"})) is not plain
    assert edit(plain, {"ssid": "61", "psk": '"b"', "bssid": None}, frozenset(), frozenset({"proto"})) == plain


def test_a_variable_that_is_not_wanted_goes() -> None:
    new = edit(BLOCK, {"psk": None, "ssid": "61"}, frozenset({"psk"}), frozenset())
    assert "psk" not in new.text
    assert new.variables == {"ssid": '"a"', "bgscan": '""', "id_str": '"x"'}


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\x00", "a\tb", "\x7f"])
def test_no_value_becomes_another_line(value: str) -> None:
    with pytest.raises(DecodeFailed):
        new_block({"identity": value})
    with pytest.raises(DecodeFailed):
        edit(BLOCK, {"ssid": value}, frozenset({"ssid"}), frozenset())


# --- the file ---


def temporary_files(folder: Path) -> List[str]:
    return [name for name in os.listdir(folder) if name.startswith(".")]


def test_write_and_read(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "wlan0.conf"
    identity = _wpa_conf.write(str(path), "x\udcff\n")
    assert path.read_bytes() == b"x\xff\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = _wpa_conf.read(str(path))
    assert (conf.path, conf.text, conf.mode, conf.private) == (str(path), "x\udcff\n", 0o600, True)
    assert conf.identity == identity
    assert temporary_files(path.parent) == []


def test_a_umask_and_open_permissions_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "wlan0.conf"
    path.write_text("old")
    path.chmod(0o644)
    assert not _wpa_conf.read(str(path)).private
    before = os.umask(0o277)
    try:
        _wpa_conf.write(str(path), "new")
    finally:
        os.umask(before)
    assert _wpa_conf.read(str(path)).private


def test_no_file(tmp_path: Path) -> None:
    conf = _wpa_conf.read(str(tmp_path / "none"))
    assert (conf.text, conf.mode, conf.identity, conf.private) == (None, None, None, False)


@pytest.mark.parametrize("step", ["fsync", "rename", "fchmod"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "wlan0.conf"
    path.write_text("old")

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device", CANARY)

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(TransportFailed) as caught:
        _wpa_conf.write(str(path), CANARY)
    assert path.read_text() == "old"
    assert temporary_files(tmp_path) == []
    assert CANARY not in str(caught.value)
    assert caught.value.errno == 28


def test_a_new_file_waits_beside_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "wlan0.conf"
    with _wpa_conf.staged(str(path), "one"):
        assert not path.exists()
        (waiting,) = temporary_files(path.parent)
        assert stat.S_IMODE((path.parent / waiting).stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [], "nobody wanted it"
    with _wpa_conf.staged(str(path), "two") as replace_file:
        identity = replace_file()
    assert (path.read_text(), temporary_files(path.parent)) == ("two", [])
    assert _wpa_conf.read(str(path)).identity == identity


def test_an_error_of_somebody_elses_is_not_taken_for_the_files(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="theirs"), _wpa_conf.staged(str(tmp_path / "x"), "one"):
        raise OSError(5, "theirs")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cant_be_put_on_the_disk_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_DIRECTORY:
            raise OSError(24, "Too many open files")
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    _wpa_conf.write(str(tmp_path / "x"), "new")
    assert (tmp_path / "x").read_text() == "new"


def test_what_a_killed_run_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wlan0.conf"

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    real = os.unlink
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", die)
        patch.setattr(os, "unlink", lambda _path: None)  # no chance to clean up
        with pytest.raises(KeyboardInterrupt):
            _wpa_conf.write(str(path), "one")
    (left,) = temporary_files(tmp_path)
    assert stat.S_IMODE((tmp_path / left).stat().st_mode) == 0o600
    assert os.unlink is real
    _wpa_conf.write(str(path), "two")
    assert temporary_files(tmp_path) == []
    assert path.read_text() == "two"


def test_no_link_in_the_temporary_files_place_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".wlan0.conf.vpro-fleet").symlink_to(victim)
    _wpa_conf.write(str(tmp_path / "wlan0.conf"), "new")
    assert victim.read_text() == "precious"


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "shared.conf"
    target.write_text("old")
    link = tmp_path / "wlan0.conf"
    link.symlink_to("real/shared.conf")
    conf = _wpa_conf.read(str(link))
    assert (conf.path, conf.text) == (str(target), "old")
    _wpa_conf.write(conf.path, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    target.unlink()
    assert _wpa_conf.read(str(link)).text is None


@pytest.mark.parametrize("kind", ["folder", "fifo", "huge"])
def test_what_is_no_configuration_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with path.open("wb") as handle:
            handle.truncate(2**30)
    with pytest.raises(TransportFailed):
        _wpa_conf.read(str(path))


def test_no_right_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x").write_text("")
    monkeypatch.setattr(os, "open", refuse)
    for work in (lambda: _wpa_conf.read(str(tmp_path / "x")), lambda: _wpa_conf.write(str(tmp_path / "x"), "")):
        with pytest.raises(AccessDenied, match="become"):
            work()


def test_no_text_in_a_repr(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(f"network={{\n\tpsk={CANARY}\n}}\n")
    conf = _wpa_conf.read(str(path))
    text: Optional[str] = conf.text
    assert text is not None
    assert CANARY not in repr(conf)
    assert CANARY not in repr(parse(text))


# --- what changed code showed ---


@pytest.mark.parametrize(
    ("text", "what"), [("network={\n", "line 1 .* is not closed"), ("a\0b", "has a NUL byte in it")]
)
def test_a_damaged_file_is_named_with_what_to_do(text: str, what: str) -> None:
    with pytest.raises(DecodeFailed, match=what) as caught:
        parse(text, "/etc/some.conf")
    assert caught.value.where == "/etc/some.conf"
    assert "Repair the file" in caught.value.remedy


def test_a_value_with_an_equals_sign_or_a_space_is_a_value() -> None:
    (block,) = blocks('network={\n\tpassword="a=b c"\n}\n')
    assert block.variables == {"password": '"a=b c"'}
    assert edit(block, {"password": '"c d=e"'}, frozenset({"password"}), frozenset()).variables == {
        "password": '"c d=e"'
    }


def test_a_value_that_would_be_another_line_is_named() -> None:
    with pytest.raises(DecodeFailed, match="a value for psk has a control character in it"):
        new_block({"psk": "a\nb"})


def test_no_file_has_its_path_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "none")
    assert _wpa_conf.read(str(tmp_path / "link")) == _wpa_conf.ConfFile(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("user", "group", "owned"),
    [("root", "root", True), ("root", "other", False), ("other", "root", True), ("other", "other", True)],
)
def test_roots_file_has_to_be_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, group: str, owned: bool
) -> None:
    """Whoever is not root can't do anything about another owner; what it may not read, it does not get."""
    path = tmp_path / "conf"
    path.write_text("")
    path.chmod(0o600)
    status = path.stat()

    def owner(descriptor: int) -> os.stat_result:
        return os.stat_result((*tuple(status)[:4], 0, 0, *tuple(status)[6:]), {"st_ctime_ns": status.st_ctime_ns})

    monkeypatch.setattr(os, "fstat", owner)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if user == "root" else 1)
    monkeypatch.setattr(os, "getegid", lambda: 0 if group == "root" else 1)
    assert _wpa_conf.read(str(path)).private == owned


def test_the_new_file_is_for_its_owner_from_its_first_byte_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: List[int] = []
    fchmod = os.fchmod

    def look(descriptor: int, mode: int) -> None:
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        fchmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", look)
    before = os.umask(0)
    try:
        _wpa_conf.write(str(tmp_path / "new" / "conf"), "")
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o755


def test_a_link_that_comes_between_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it came after an older file of that name was removed."""

    def too_late(_path: str) -> None:
        raise FileNotFoundError

    (tmp_path / ".conf.vpro-fleet").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(os, "unlink", too_late)
    with pytest.raises(TransportFailed):
        _wpa_conf.write(str(tmp_path / "conf"), "text")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("user", "given"), [(0, [(0, 0)]), (1, [])])
def test_what_root_writes_is_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, given: List[object]
) -> None:
    asked: List[object] = []
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "fchown", lambda _descriptor, uid, gid: asked.append((uid, gid)))
    _wpa_conf.write(str(tmp_path / "conf"), "")
    assert asked == given


def test_errors_name_the_file_and_say_what_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "conf")

    def failing(error: OSError) -> None:
        def fail(*_arguments: object, **_named: object) -> None:
            raise error

        monkeypatch.setattr(os, "rename", fail)

    failing(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(TransportFailed, match="can't be used: No space left on device") as no_space:
        _wpa_conf.write(path, "")
    assert (no_space.value.where, no_space.value.errno) == (path, errno.ENOSPC)
    failing(OSError("without a number"))
    with pytest.raises(TransportFailed, match="unknown error") as unknown:
        _wpa_conf.write(path, "")
    assert unknown.value.errno == 0
    failing(PermissionError(errno.EACCES, "Permission denied"))
    with pytest.raises(AccessDenied, match="no right to use the configuration file") as denied:
        _wpa_conf.write(path, "")
    assert (denied.value.where, denied.value.remedy) == (path, "Run the task with become")
    (tmp_path / "folder").mkdir()
    with pytest.raises(TransportFailed) as none:
        _wpa_conf.read(str(tmp_path / "folder"))
    assert none.value.where == str(tmp_path / "folder")


def test_a_file_as_big_as_may_be_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_wpa_conf, "_SIZE_MAX", 5)
    path = tmp_path / "conf"
    path.write_text("12345")
    assert _wpa_conf.read(str(path)).text == "12345"
    path.write_text("123456")
    with pytest.raises(TransportFailed, match="no configuration file") as caught:
        _wpa_conf.read(str(path))
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ('a=""#c"\n', 'a=""'),
        ('a=""x#c"\n', 'a=""x'),
        ('a="x#y" # b # c\n', 'a="x#y"'),
        ('a="x#y"z"#" # c\n', 'a="x#y"z"#"'),
        ('"#"#x\n', '"#"'),
        ('"#\n', '"'),
        ("#\n", ""),
        ("x#\n", "x"),
        ("a=b\x0b\n", "a=b\x0b"),
        ("a=b \t\r\n", "a=b"),
        ("a=X\n", "a=X"),
        ('psk=1 # "a" # b\n', "psk=1"),
        ('#"x" # y\n', ""),
        ("\n", ""),
    ],
)
def test_where_a_comment_begins(line: str, content: str) -> None:
    assert _wpa_conf._content(line) == content
