# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the two modules for profiles, and their check, with errors that name the profile and the field.

Ansible's own check has three faults here. It stops at the first wrong option. It does not say in which element of a
list the option is. And it shows the value of an unknown option, so the secret of a misspelt ``passphrase`` would be in
the output. So Ansible checks only types and choices here. Its errors are reported together with those of this file.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict, check_type_path

from ._module import StrictModule, not_texts
from ._network.backend import AUTO, BACKENDS
from ._network.declared import EAP_METHODS, PHASE2_METHODS, PMF_MODES, SECURITIES, Declaration, InvalidProfiles, Problem
from ._network.parsing import FileCheck, duplicates, is_path, parse_profile, parse_profiles, parse_ssid
from ._network.reader import label_of
from ._tasks.profiles import check_file, provision, request_for

#: The options that say where the networks are configured, and what is demanded of all of them.
PLACE: Dict[str, Any] = {
    "interface": {"type": "str", "required": True},
    "path": {"type": "path"},
    "backend": {"type": "str", "choices": list(BACKENDS), "default": AUTO},
    "require_usable": {"type": "bool", "default": False},
}
#: The options of one network.
PROFILE: Dict[str, Any] = {
    "ssid": {"type": "str"},
    "ssid_hex": {"type": "str"},
    "security": {"type": "str", "choices": list(SECURITIES)},
    "passphrase": {"type": "str", "no_log": True},
    "eap": {
        "type": "dict",
        "options": {
            "method": {"type": "str", "choices": list(EAP_METHODS)},
            "identity": {"type": "str"},
            "anonymous_identity": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "phase2": {"type": "str", "choices": list(PHASE2_METHODS)},
            "validate_server": {"type": "bool", "default": True},
            "ca_cert": {"type": "path"},
            "domain_suffix_match": {"type": "str"},
            "client_cert": {"type": "path"},
            # A path is not a secret, although this name suggests one. ProfileModule hides a value that is no path.
            "private_key": {"type": "path", "no_log": False},
            "private_key_password": {"type": "str", "no_log": True},
        },
    },
    "hidden": {"type": "bool", "default": False},
    "priority": {"type": "int", "default": 0},
    "pmf": {"type": "str", "choices": list(PMF_MODES)},
    "bssid": {"type": "str"},
    "enabled": {"type": "bool", "default": True},
}

#: The options of EAP that name files.
_FILES = ("ca_cert", "client_cert", "private_key")


class ProfileModule(StrictModule):
    """A module that declares profiles.

    Args:
        options: the module's argument specification.
    """

    def __init__(self, options: Dict[str, Any]) -> None:
        self._validating = True
        super().__init__(options)
        if any(True for label, each in self._given() for _problem in _not_text(label, each)):
            self.fail_json(msg="")  # it lists all errors
        self._validating = False

    def fail_json(self, msg: str, **result: Any) -> None:
        """Fail. During Ansible's check of the options, report all errors, and hide the values of unknown options."""
        if self._validating and isinstance(getattr(self, "params", None), dict):
            self.no_log_values.update(self._misplaced(), self._no_paths())
            problems = self._problems()
            if problems:
                error = InvalidProfiles(problems)
                super().fail_json(msg=str(error), error=error.as_dict(), **error.details)
        super().fail_json(msg=msg, **result)

    def _log_invocation(self) -> None:
        """Let Ansible log the options, and make sure that it hides all secrets in them.

        Ansible searches for the secrets in the ``repr`` of a mapping. A backslash or a quote is escaped there, so it
        would not find a secret that has one. Here the escaped forms are added to the secrets.
        """
        self.no_log_values.update(self._no_paths())
        self.no_log_values.update([repr(text)[1:-1] for text in self.no_log_values])
        super()._log_invocation()

    def _given(self) -> Iterator[Tuple[str, Any]]:
        """Yield each profile's name in messages, and the options that were given for it."""
        raw = {name: value for name, value in self.given.items() if not str(name).startswith("_ansible_")}
        if "profiles" not in self.argument_spec:
            own = set(self.argument_spec) - set(PROFILE)
            yield label_of(raw), {name: value for name, value in raw.items() if name not in own}
        else:
            declared = raw.get("profiles")
            for index, each in enumerate(declared if isinstance(declared, list) else [declared]):
                mapping = _mapping(each)
                yield label_of(mapping, index), mapping

    def _problems(self) -> List[Problem]:
        if self._elsewhere():
            return []
        given = list(self._given())
        found: List[Problem] = []
        for label, each in given:
            found += _wrong(label, each, whole=self.params.get("state") != "absent")
        own = {name: value for name, value in self.given.items() if name not in PROFILE}
        found += [Problem("", name, wrong) for name, wrong in not_texts(own, self.argument_spec)]
        if "profiles" in self.argument_spec:
            found += duplicates([each if isinstance(each, Mapping) else {} for _label, each in given])
            unknown = {str(n) for n in self.params if not str(n).startswith("_ansible_")} - set(self.argument_spec)
            found += [Problem("", name, "is not an option of this module") for name in sorted(unknown)]
        return found

    def _elsewhere(self) -> bool:
        """Say whether a module option outside of the profiles is missing or not one of its choices.

        Ansible's own message is good enough then.
        """
        own = {name: options for name, options in self.argument_spec.items() if name not in PROFILE}
        return any(
            (options.get("required") and self.params.get(name) is None)
            or ("choices" in options and self.params.get(name) not in options["choices"])
            for name, options in own.items()
        )

    def _misplaced(self) -> Iterator[str]:
        """Yield every text that was given for an unknown option. It may be a secret."""
        for name, value in self.params.items():
            if name not in self.argument_spec and not str(name).startswith("_ansible_"):
                yield from _texts(value)
        for _label, given in self._given():
            if not isinstance(given, Mapping):
                yield from _texts(given)
                continue
            yield from _unknown_texts(given, PROFILE)

    def _no_paths(self) -> Iterator[str]:
        """Yield the values of options for files that are no paths. A URI may contain a PIN, for example."""
        for _label, given in self._given():
            eap = _mapping(given.get("eap")) if isinstance(given, Mapping) else None
            for name in _FILES:
                value = eap.get(name) if isinstance(eap, Mapping) else None
                if isinstance(value, str) and value and not is_path(value):
                    yield value
                    # Ansible shows the value after its own conversion, which replaces variables.
                    yield str(check_type_path(value))


def _unknown_texts(given: Mapping[Any, Any], options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name not in options:
            yield from _texts(value)
        elif "options" in options[name]:
            yield from _unknown_texts(value, options[name]["options"]) if isinstance(value, Mapping) else _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    elif value not in (None, True, False, ""):
        yield str(value)


def _mapping(given: Any) -> Any:
    """Return a profile as a mapping. Ansible accepts some forms of text for a mapping, and converts them."""
    try:
        return check_type_dict(given)
    except (TypeError, ValueError):
        return given


#: The beginnings of Ansible's messages about a wrong type and about a value that is not one of the choices. The given
#: value comes after that. It is not repeated, since it may be a secret.
_TYPE = re.compile(r"argument '(\w+)' is of type ")
_CHOICES = re.compile(r"value of (\w+) must be (one of: .*), got: ", re.DOTALL)


def _wrong(label: str, given: Any, *, whole: bool) -> List[Problem]:
    """Return the errors of one profile.

    Args:
        label: the profile's name in messages.
        given: the options that were given for it.
        whole: also check the profile as ``parse_profile`` does. Otherwise only Ansible's own checks are made.
    """
    if not isinstance(given, Mapping):
        return [Problem(label, "", "is not a mapping of options to values")]
    result = ArgumentSpecValidator(PROFILE).validate(_without_nulls(given))
    unknown = sorted(".".join(name) if isinstance(name, tuple) else str(name) for name in result.unsupported_parameters)
    problems = [Problem(label, name, "is not an option of a profile") for name in unknown]
    others = [text for text in result.error_messages if not (unknown and text.startswith(f"{', '.join(unknown)}. "))]
    wrong = list(_not_text(label, given))
    more = [_told(label, text) for text in others]
    if whole and not others:
        known = {name: value for name, value in result.validated_parameters.items() if name in PROFILE}
        more += parse_profile(known, label, check_file)[1]
    # Ansible made text of these values, so nothing else about them is said.
    fields = {problem.field for problem in wrong}
    return [*problems, *wrong, *(problem for problem in more if problem.field not in fields)]


def _not_text(label: str, given: Any) -> Iterator[Problem]:
    """Yield an error for each option that has to be text and is not."""
    if not isinstance(given, Mapping):
        return
    mappings = {name: _mapping(value) if "options" in PROFILE.get(name, {}) else value for name, value in given.items()}
    for name, wrong in not_texts(mappings, PROFILE):
        yield Problem(label, name, wrong)


def _without_nulls(given: Mapping[Any, Any]) -> Dict[Any, Any]:
    """Return options without those that are null. Ansible treats a null like an option that was not given."""
    return {
        name: _without_nulls(value) if isinstance(value, Mapping) else value
        for name, value in given.items()
        if value is not None
    }


def _told(label: str, text: str) -> Problem:
    """Return Ansible's message about an option's value as a ``Problem`` that does not repeat the value."""
    kind, choices = _TYPE.match(text), _CHOICES.match(text)
    within = "eap." if text.endswith(" found in eap") else ""
    if kind:
        options = PROFILE["eap"]["options"] if within else PROFILE
        return Problem(label, within + kind.group(1), f"is not of type {options.get(kind.group(1), {}).get('type')}")
    if choices:
        return Problem(label, within + choices.group(1), f"is {choices.group(2)}")
    return Problem(label, "", text)


def one(module: ProfileModule) -> Dict[str, Any]:
    """Do the work of ``amt_wifi_profile``.

    Raises:
        FleetError: the declared profile has errors, or it could not be configured.
    """
    given = module.params
    check = _FileCheck(module.check_mode)
    if given["state"] == "absent":
        ssid, problems = parse_ssid(given, label_of(given))
        declared = Declaration(absent=(ssid,))
    else:
        profile, problems = parse_profile(given, label_of(given), check)
        declared = Declaration(profiles=() if profile is None else (profile,))
    if problems:
        raise InvalidProfiles(problems)
    return _provision(module, declared, check)


def many(module: ProfileModule) -> Dict[str, Any]:
    """Do the work of ``amt_wifi_profiles``.

    Raises:
        FleetError: the declared profiles have errors, or they could not be configured.
    """
    given, prune = module.params["profiles"], module.params["prune"]
    if prune and not given:
        # Without this check, a variable that is empty by mistake would disconnect every laptop of a fleet.
        raise InvalidProfiles([Problem("", "profiles", "is empty, and with prune that would remove every network")])
    check = _FileCheck(module.check_mode)
    return _provision(module, Declaration(parse_profiles(given, check), prune=prune), check)


class _FileCheck:
    """Checks the files that profiles name.

    In check mode, a missing file is only a warning, because in a real run, an earlier task may create it.
    """

    def __init__(self, check_mode: bool) -> None:
        self._check_mode = check_mode
        self.warnings: List[str] = []

    def __call__(self, path: str) -> Optional[str]:
        wrong = check_file(path)
        if wrong is None or not self._check_mode:
            return wrong
        self.warnings.append(f"{wrong}. Without check mode, the module would fail now")
        return None


def _provision(module: ProfileModule, declared: Declaration, check: _FileCheck) -> Dict[str, Any]:
    given = module.params
    usable = given["require_usable"]
    request = request_for(given["interface"], given["path"], declared, given["backend"], require_usable=usable)
    result = provision(request, module.check_mode)
    return {**result, "warnings": [*check.warnings, *result["warnings"]]}


__all__ = ["PLACE", "PROFILE", "FileCheck", "ProfileModule", "many", "one"]
