# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The virtual machine process: choosing the accelerator, starting QEMU, ending it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional

from .errors import LabError
from .image import Image
from .paths import cache

#: What the kernel prints when it has come up and found no root: the proof that an accelerator boots it.
_BOOTED = b"Unable to mount root fs"
#: Seconds that a kernel gets to come that far under KVM (natively it takes well under one).
_PROBE_SECONDS = 8.0
_INTERRUPTIONS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_MEMORY_MIB = 768
_PROCESSORS = 2


@dataclass(frozen=True)
class Machine:
    """A running QEMU. Keep it as long as the machine is wanted: it holds the process."""

    process: subprocess.Popen[bytes]
    ssh_port: int
    console: Path
    accelerator: str

    @property
    def pid(self) -> int:
        """The process id of QEMU."""
        return self.process.pid


def accelerator(image: Image) -> str:
    """Return ``kvm`` where a probe shows that it boots this kernel, else ``tcg``.

    ``/dev/kvm`` can be there and still not boot a stock kernel (nested, or a restricted host), so its presence proves
    nothing. The answer is remembered until the host boots again. ``$VPRO_LAB_ACCEL`` overrides the probe.
    """
    chosen = os.environ.get("VPRO_LAB_ACCEL")
    if chosen:
        return chosen
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    memo = cache() / f"accelerator-{boot}-{image.kernel_release}"
    if not memo.exists():
        memo.parent.mkdir(parents=True, exist_ok=True)
        partial = memo.with_name(f".{memo.name}.{os.getpid()}")
        partial.write_text("kvm" if _kvm_boots(image) else "tcg", encoding="ascii")
        partial.rename(memo)
    return memo.read_text(encoding="ascii")


def _kvm_boots(image: Image) -> bool:
    argv = ["qemu-system-x86_64", "-accel", "kvm", "-m", "256", "-nodefaults", "-display", "none", "-no-reboot"]
    argv += ["-serial", "stdio", "-kernel", str(image.kernel), "-append", "console=ttyS0 panic=-1"]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _PROBE_SECONDS
        try:
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.1)
            output.seek(0)
            return _BOOTED in output.read()
        finally:
            process.kill()
            process.wait()


def start(image: Image, folder: Path, payload: Path, *, dies_with_parent: bool) -> Machine:
    """Start a laptop.

    Args:
        image: what it boots; its disk is never written to (snapshot).
        folder: where console output and the process id go.
        payload: a second, read-only disk with the lab's own files.
        dies_with_parent: let the kernel end QEMU when this process ends in whatever way.

    Raises:
        LabError: QEMU ended at once; the message carries what it said.
    """
    console = folder / "console.log"
    kind = accelerator(image)
    for _attempt in range(5):
        port = _free_port()
        argv = _command(image, payload, console, port, kind)
        with _interruptions_held():
            # From its first moment the machine can be found and ended by its process id.
            process = _spawn(argv, folder / "qemu.log", dies_with_parent)
            (folder / "qemu.pid").write_text(f"{process.pid}\n", encoding="ascii")
        time.sleep(0.3)
        if process.poll() is None:
            return Machine(process, port, console, kind)
        said = (folder / "qemu.log").read_text(errors="replace")
        # Somebody else may have taken the port since it was found free: try another.
        if "hostfwd" not in said and "host forwarding" not in said:
            break
    raise LabError(f"QEMU ended at once: {said.strip()}")


def stop(pid: int) -> None:
    """End the QEMU with *pid* and wait until it is gone. A process that is gone already is no error."""
    if not is_qemu(pid):
        return
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_qemu(pid) and time.monotonic() < deadline:
        _reap(pid)
        time.sleep(0.02)


def is_qemu(pid: int) -> bool:
    """Tell whether *pid* is a live QEMU, so that a recycled process id is never ended by mistake."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    name, rest = status.partition("(")[2].rsplit(")", 1)
    return name.startswith("qemu-system") and rest.split()[0] != "Z"


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _command(image: Image, payload: Path, console: Path, port: int, kind: str) -> List[str]:
    # The plainest processor: five-level page tables and wide vectors cost a fifth of all that an emulated one does.
    accel = (
        ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "qemu64"]
        if kind == "tcg"
        else ["-accel", "kvm", "-cpu", "host"]
    )
    # The last three save more than half of all that an emulated machine does: waits for grace periods (each namespace
    # and driver that goes is several); pages that are cleared twice; and code that is translated anew for each process,
    # as a translation is kept for one address, and each process has its libraries at others.
    # And a kernel that is stuck says where: after 30 s (twice watchdog_thresh), as the channel ends 45 s after its last
    # answer, and a machine that others keep waiting is not stuck.
    append = (
        "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet loglevel=4 mitigations=off nokaslr no_timer_check "
        "tsc=reliable audit=0 systemd.show_status=false random.trust_cpu=on "
        "rcupdate.rcu_expedited=1 init_on_alloc=0 norandmaps "
        "softlockup_panic=1 softlockup_all_cpu_backtrace=1 watchdog_thresh=15"
    )
    return [
        "qemu-system-x86_64",
        *accel,
        *("-m", str(_MEMORY_MIB), "-smp", str(_PROCESSORS), "-nodefaults", "-display", "none"),
        *("-serial", f"file:{console}", "-object", "rng-random,id=rng,filename=/dev/urandom"),
        *("-device", "virtio-rng-pci,rng=rng"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initramfs), "-append", append),
        *("-drive", f"file={image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe"),
        *("-drive", f"file={payload},format=raw,if=virtio,readonly=on"),
        *("-netdev", f"user,id=management,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-device", "virtio-net-pci,netdev=management"),
    ]


@contextmanager
def _interruptions_held() -> Iterator[None]:
    """Hold Ctrl-C and the like back for a moment, so that nothing is started and then forgotten."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _spawn(argv: List[str], log: Path, dies_with_parent: bool) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTIONS)
        if dies_with_parent:
            # prctl(PR_SET_PDEATHSIG = 1, SIGKILL), linux/prctl.h: no laptop outlives a killed test run.
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        # Where sessions share the processor evenly (autogroup, sched(7)), this new one is as nice as the one before.
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(f"{os.nice(0)}", encoding="ascii")

    with open(log, "wb") as handle:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            # A session of its own: Ctrl-C reaches the test runner, which ends the machine in order.
            start_new_session=True,
            preexec_fn=prepare,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def read_pid(folder: Path) -> Optional[int]:
    """Return the process id of the QEMU that :func:`start` started for *folder*, None when it is gone."""
    try:
        pid = int((folder / "qemu.pid").read_text(encoding="ascii"))
        # A process id is given out again one day: it is ours only with our folder in its arguments.
        return pid if f"{folder}/".encode() in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    except (OSError, ValueError):
        return None
