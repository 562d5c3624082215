# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secure Boot: the firmware's variables, and whose certificates there are, in what mokutil 0.6 and modinfo print."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import secure_boot
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.secure_boot import Signer

ENROLLED = """[key 1]
SHA1 Fingerprint: 53:61:0c:f8:1f:bd:7e:0c:eb:67:91:3c:9e:f3:e7:94:a9:63:3e:cb
Certificate:
    Data:
        Version: 3 (0x2)
        Serial Number:
            ed:54:a1:d5:af:87:48:94:8d:9f:89:32:ee:9c:7c:34
        Signature Algorithm: sha256WithRSAEncryption
        Issuer: CN=Debian Secure Boot CA
        Subject: CN=Debian Secure Boot CA
[key 2]
Certificate:
    Data:
        Serial Number: 4660 (0x1234)
        Issuer: CN = Our fleet
        Subject: O = Example, CN = Our fleet
"""
FLEET = Signer("Our fleet", 0x1234)


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, texts: Dict[str, str]) -> None:
    """Put programs into a folder, which is where programs are looked for."""
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_certificates_are_told_by_name_and_number() -> None:
    debian = Signer("Debian Secure Boot CA", 0xED54A1D5AF8748948D9F8932EE9C7C34)
    assert secure_boot.parsed(ENROLLED) == (debian, FLEET)
    assert secure_boot.parsed("MokListRT is empty\n") == ()


def test_a_modules_signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = 'case "$2" in signer) echo "Our fleet";; sig_key) echo 12:34;; esac'
    programs(tmp_path, monkeypatch, {"modinfo": told})
    assert secure_boot.signer_of("iwlmei.ko") == FLEET
    programs(tmp_path, monkeypatch, {"modinfo": "echo"})
    assert secure_boot.signer_of("iwlmei.ko") is None
    programs(tmp_path, monkeypatch, {"modinfo": "exit 1"})
    with pytest.raises(TransportFailed):
        secure_boot.signer_of("iwlmei.ko")


def test_lists_of_mokutil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "told").write_text(ENROLLED, encoding="utf-8")
    mokutil = f'case "$1" in --list-enrolled) cat {tmp_path}/told;; *) echo "MokNew is empty"; exit 1;; esac'
    programs(tmp_path, monkeypatch, {"mokutil": mokutil})
    assert FLEET in secure_boot.enrolled()
    assert secure_boot.pending() == frozenset()


def test_the_password_goes_by_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs(tmp_path, monkeypatch, {"mokutil": f'echo "$@" > {tmp_path}/argv; cat > {tmp_path}/stdin'})
    secure_boot.prepare("/mok.der", "canary")
    assert (tmp_path / "argv").read_text(encoding="utf-8") == "--import /mok.der\n"
    assert (tmp_path / "stdin").read_text(encoding="utf-8") == "canary\ncanary\n"
    programs(tmp_path, monkeypatch, {"mokutil": "cat >&2; exit 1"})
    with pytest.raises(TransportFailed) as error:
        secure_boot.prepare("/mok.der", "canary")
    assert "canary" not in str(error.value)


def test_without_mokutil_its_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match="Install the package mokutil"):
        secure_boot.enrolled()
    with pytest.raises(NotFound, match="Install the package mokutil"):
        secure_boot.prepare("/mok.der", "canary")


def test_a_certificates_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Serial Number: 4660 (0x1234)\nSubject: CN = Our fleet\n"
    programs(tmp_path, monkeypatch, {"openssl": f"printf '{text}'"})
    assert secure_boot.certificate_signer("/mok.der") == FLEET
    programs(tmp_path, monkeypatch, {"openssl": "exit 1"})
    with pytest.raises(TransportFailed, match="no certificate in DER"):
        secure_boot.certificate_signer("/mok.der")
