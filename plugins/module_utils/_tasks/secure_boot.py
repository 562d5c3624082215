# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secure Boot on a laptop: whose modules its kernel takes. Whether it is on, ``_radio/secured.py`` says."""

from __future__ import annotations

import re
import subprocess
from typing import FrozenSet, NamedTuple, Optional, Tuple

from .._system.errors import NotFound, TransportFailed
from .._system.program import run

_MOKUTIL = "mokutil"
#: Seconds for one program at most.
_SECONDS = 60
_SERIAL = re.compile(r"Serial Number:\s*(?:[0-9]+ \(0x([0-9a-f]+)\)|([0-9a-f]{2}(?::[0-9a-f]{2})*))", re.IGNORECASE)
_SUBJECT = re.compile(r"Subject:.*?CN ?= ?([^,\n/]+)")


class Signer(NamedTuple):
    """Who signed a module, or whose certificate it is: the subject's common name, and the certificate's number."""

    name: str
    serial: int


def signer_of(module: str) -> Optional[Signer]:
    """Return who signed a module, or None if nobody did.

    Args:
        module: the path of its file.

    Raises:
        NotFound, TimedOut, TransportFailed: modinfo failed.
    """
    name, key = (_modinfo(field, module) for field in ("signer", "sig_key"))
    return Signer(name, int(key.replace(":", ""), 16)) if name and key else None


def enrolled() -> FrozenSet[Signer]:
    """Return the signers that the laptop's owner has enrolled (machine owner keys).

    Raises:
        NotFound: there is no mokutil.
        TimedOut, TransportFailed: mokutil failed.
    """
    return _listed("--list-enrolled")


def pending() -> FrozenSet[Signer]:
    """Return the signers that wait for a person at the console.

    Raises:
        NotFound, TimedOut, TransportFailed: as for ``enrolled``.
    """
    return _listed("--list-new")


def certificate_signer(path: str) -> Signer:
    """Return whose certificate a file has.

    Args:
        path: the file, in DER as mokutil wants it.

    Raises:
        NotFound, TransportFailed: openssl can't read it.
    """
    argv = ["openssl", "x509", "-inform", "DER", "-in", path, "-noout", "-text"]
    done = run(argv, _SECONDS)
    found = parsed(done.out.decode(errors="replace"))
    if done.status or not found:
        remedy = "openssl x509 -outform DER makes one of a file in PEM"
        raise TransportFailed("this is no certificate in DER", where=path, remedy=remedy)
    return found[0]


def prepare(certificate: str, password: str) -> None:
    """Let shim ask for a certificate at the next boot. A person at the console then enrols it, with the password.

    Args:
        certificate: the path of the file, in DER.
        password: what that person has to type. It goes by standard input: arguments can be seen by everybody.

    Raises:
        NotFound: there is no mokutil.
        TransportFailed: mokutil refused.
    """
    argv = [_MOKUTIL, "--import", certificate]
    try:
        # mokutil asks for the password twice.
        # pylint: disable-next=ansible-bad-function
        done = subprocess.run(
            argv, input=f"{password}\n{password}\n".encode(), capture_output=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise _no_mokutil() from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TransportFailed(f"mokutil could not be run: {type(error).__name__}") from None
    if done.returncode:
        told = done.stderr.decode(errors="replace").replace(password, "...").strip()
        raise TransportFailed(f"mokutil did not take the certificate: {told}", where=certificate)


def parsed(text: str) -> Tuple[Signer, ...]:
    """Return whose the certificates of a listing are, as OpenSSL's ``X509_print`` writes them."""
    found = []
    for part in re.split(r"(?=Serial Number:)", text):
        serial, subject = _SERIAL.search(part), _SUBJECT.search(part)
        if serial is not None and subject is not None:
            number = (serial[1] or serial[2]).replace(":", "")
            found.append(Signer(subject[1].strip(), int(number, 16)))
    return tuple(found)


def _modinfo(field: str, module: str) -> str:
    done = run(["modinfo", "-F", field, module], _SECONDS)
    if done.status:
        raise TransportFailed("modinfo can't read the module", where=module)
    return done.out.decode(errors="replace").strip()


def _listed(option: str) -> FrozenSet[Signer]:
    try:
        # It ends with 1 where the list is empty.
        return frozenset(parsed(run([_MOKUTIL, option], _SECONDS).out.decode(errors="replace")))
    except NotFound:
        raise _no_mokutil() from None


def _no_mokutil() -> NotFound:
    return NotFound("Secure Boot is on, and there is no program mokutil", remedy="Install the package mokutil")
