# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The virtual machine process: choosing the accelerator, starting QEMU, ending it."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Optional

from qemu.qmp import QMPClient, QMPError

from ..errors import LabError
from ..paths import cache
from .image import Image

#: What the kernel prints when it has come up and found no root: the proof that an accelerator boots it.
_BOOTED = b"Unable to mount root fs"
#: Seconds that a kernel gets to come that far under KVM (natively it takes well under one).
_PROBE_SECONDS = 8.0
_INTERRUPTIONS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_MEMORY_MIB = 768
#: What a machine that comes first adds to the niceness of who starts it (nice(2)).
_FIRST = -10
_PROGRAM = "qemu-system-x86_64"
#: How the laptop's agent finds its end of the channel to the host: a name in ``/dev/virtio-ports``.
AGENT_PORT = "vpro-lab.agent"

#: What the machines of this process add.
_niceness = 0


@dataclass(frozen=True)
class Hardware:
    """What a laptop is made of: all that its memory, once saved, can be taken up with again.

    Attributes:
        image: what it boots.
        payload: a second, read-only disk with the lab's own files.
        shift: how fast its processor is under software emulation: 2 to the power of *shift* ns an instruction.
    """

    image: Image
    payload: Path
    shift: int

    @property
    def accelerator(self) -> str:
        """``kvm`` or ``tcg``."""
        return accelerator(self.image)

    def arguments(self) -> List[str]:
        """Return QEMU's arguments, without those that differ from laptop to laptop."""
        # The third line saves an emulated machine more than half of all that it does: waits for grace periods (each
        # namespace and driver that goes is several); pages that are cleared twice; and code that is translated anew for
        # each process, as a translation is kept for one address, and each process has its libraries at others.
        # The last has a kernel that is stuck say where, after 30 s of its own (twice watchdog_thresh).
        append = (
            "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet loglevel=4 mitigations=off nokaslr no_timer_check "
            "tsc=reliable audit=0 systemd.show_status=false random.trust_cpu=on "
            "rcupdate.rcu_expedited=1 init_on_alloc=0 norandmaps "
            "softlockup_panic=1 softlockup_all_cpu_backtrace=1 watchdog_thresh=15"
        )
        return [
            *self._processor(),
            *("-m", str(_MEMORY_MIB), "-nodefaults", "-display", "none"),
            *("-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"),
            # A new number at each start: the kernel of a machine that goes on from a snapshot draws new randomness.
            *("-device", "vmgenid,guid=auto"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initramfs), "-append", append),
            *("-drive", f"file={self.payload},format=raw,if=virtio,readonly=on"),
            *("-device", "virtio-net-pci,netdev=management", "-device", "virtio-serial-pci"),
            *("-device", f"virtserialport,chardev=agent,name={AGENT_PORT}"),
        ]

    def _processor(self) -> List[str]:
        if self.accelerator != "tcg":
            return ["-accel", "kvm", "-cpu", "host", "-smp", "2"]
        # The guest's clock counts its instructions, so it is a machine of one speed, whatever the host does. That
        # takes one thread, and with two processors twice the time. The plainest processor: five-level page tables and
        # wide vectors cost a fifth of all that an emulated one does.
        clock = f"shift={self.shift},sleep=on"
        return ["-accel", "tcg,thread=single,tb-size=256", "-icount", clock, "-cpu", "qemu64", "-smp", "1"]

    def fingerprint(self) -> str:
        """Return a hash of all that a saved memory depends on: these parts, by name, and QEMU itself."""
        version = subprocess.run([_PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
        return hashlib.sha256("\0".join([version, *self.arguments()]).encode()).hexdigest()


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

    def processor_seconds(self) -> float:
        """Return the processor time that QEMU has taken so far, in seconds; 0 where there is no such process now."""
        try:
            status = Path(f"/proc/{self.pid}/stat").read_text(errors="replace")
        except OSError:
            return 0.0
        user, system = status.rsplit(")", 1)[1].split()[11:13]  # utime and stime of proc(5), after the name
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def default_shift() -> int:
    """Return how fast laptops are unless told otherwise, see :class:`Hardware`: ``$VPRO_LAB_SHIFT``, else 0.

    0 is a machine of 1000 million instructions a second, the order of a real laptop's. 3 (8 ns) is one in the middle of
    its boot.

    Raises:
        LabError: the variable is no number that QEMU takes.
    """
    chosen = os.environ.get("VPRO_LAB_SHIFT", "0")
    if chosen not in map(str, range(11)):  # QEMU's own limit (MAX_ICOUNT_SHIFT)
        raise LabError(f"VPRO_LAB_SHIFT is {chosen!r}: it has to be a whole number from 0 to 10")
    return int(chosen)


def come_first() -> None:
    """Have the machines that this process starts come before ordinary work, where that is allowed (root).

    While a laptop sleeps, its clock goes with the host's: it wakes on time only if its machine gets the processor at
    once. For what measures, and not for tests: what runs beside them would have nothing left.
    """
    global _niceness
    _niceness = _FIRST


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
    argv = [_PROGRAM, "-accel", "kvm", "-m", "256", "-nodefaults", "-display", "none", "-no-reboot"]
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


def new_disk(image: Image, path: Path) -> None:
    """Make the disk of a laptop: an empty layer over the one of *image*, which is never written to.

    Raises:
        LabError: it could not be made.
    """
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image.disk), str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"qemu-img failed: {done.stderr.strip()}")


def start(
    hardware: Hardware, folder: Path, disk: Path, *, dies_with_parent: bool, snapshot: Optional[str] = None
) -> Machine:
    """Start a laptop.

    Args:
        hardware: what it is made of.
        folder: where console output and the process id go.
        disk: what it writes to, see :func:`new_disk`.
        dies_with_parent: let the kernel end QEMU when this process ends in whatever way.
        snapshot: what of *disk* to go on from; None boots.

    Raises:
        LabError: QEMU ended at once; the message carries what it said.
    """
    console = folder / "console.log"
    # QEMU makes it a moment after its sockets, and whoever waits for those looks at it.
    console.touch()
    for _attempt in range(5):
        port = _free_port()
        argv = [_PROGRAM, *_own(folder, disk, console, port), *hardware.arguments()]
        argv += ["-loadvm", snapshot] if snapshot else []
        with _interruptions_held():
            # From its first moment the machine can be found and ended by its process id.
            process = _spawn(argv, folder / "qemu.log", dies_with_parent)
            (folder / "qemu.pid").write_text(f"{process.pid}\n", encoding="ascii")
        _wait_for_socket(process, socket_of(folder, "agent"))
        if process.poll() is None:
            return Machine(process, port, console, hardware.accelerator)
        said = (folder / "qemu.log").read_text(errors="replace")
        # Somebody else may have taken the port since it was found free: try another.
        if "hostfwd" not in said and "host forwarding" not in said:
            break
    raise LabError(f"QEMU ended at once: {said.strip()}")


def _own(folder: Path, disk: Path, console: Path, port: int) -> List[str]:
    """Return the arguments that differ from laptop to laptop."""
    return [
        *("-drive", f"file={disk},format=qcow2,if=virtio,cache=unsafe"),
        *("-serial", f"file:{console}"),
        *("-chardev", f"socket,id=agent,path={socket_of(folder, 'agent')},server=on,wait=off"),
        *("-qmp", f"unix:{socket_of(folder, 'monitor')},server=on,wait=off"),
        *("-netdev", f"user,id=management,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
    ]


def _wait_for_socket(process: subprocess.Popen[bytes], path: Path) -> None:
    """Wait until QEMU listens, or has ended. It says what is wrong with its arguments before."""
    while not path.exists() and process.poll() is None:
        time.sleep(0.02)


def socket_of(folder: Path, kind: str) -> Path:
    """Return the path of one of the sockets of the laptop whose state is in *folder*.

    A socket's path is limited to 104 bytes or so, and the folder may be deep.

    Args:
        folder: the laptop's.
        kind: ``agent``, ``monitor`` (both QEMU's) or ``ssh`` (that of its connections).
    """
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"vpro-lab-{os.getuid()}-{name}-{kind}"


def _ask_monitor(folder: Path, command: str, **arguments: object) -> Any:
    """Ask the monitor of the laptop in *folder*; return its answer.

    Raises:
        LabError: it does not answer, or refused.
    """

    async def ask() -> Any:
        monitor = QMPClient("vpro-lab")
        await monitor.connect(str(socket_of(folder, "monitor")))
        try:
            return await monitor.execute(command, arguments)
        finally:
            await monitor.disconnect()

    try:
        return asyncio.run(ask())
    except (OSError, QMPError) as error:
        raise LabError(f"QEMU's monitor does not answer: {error}") from None


def is_asleep(folder: Path) -> bool:
    """Say whether the laptop in *folder* has suspended to its memory (S3).

    Raises:
        LabError: QEMU does not tell.
    """
    return bool(_ask_monitor(folder, "query-status")["status"] == "suspended")


def wake(folder: Path) -> None:
    """Wake the laptop in *folder*, which has suspended.

    Raises:
        LabError: QEMU refused.
    """
    _ask_monitor(folder, "system_wakeup")


def save(folder: Path, name: str) -> None:
    """Save the memory and the state of the laptop in *folder* within its disk, to go on from.

    Raises:
        LabError: QEMU refused; the message carries what it said.
    """
    said = str(_ask_monitor(folder, "human-monitor-command", **{"command-line": f"savevm {name}"}))
    if said.strip():
        raise LabError(f"QEMU could not save the laptop: {said.strip()}")


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
        # Who is not root can't ask for more than others have.
        with suppress(PermissionError):
            os.nice(_niceness)
        # Where sessions share the processor evenly (autogroup, sched(7)), this new one counts for as much.
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
