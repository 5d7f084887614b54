"""Watches a command from outside: wall, CPU and memory of all its processes."""

import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path


class Memory(threading.Thread):
    """Samples the memory of all processes of a session: RSS, and PSS, which shares shared pages."""

    def __init__(self, session, every=0.2, with_pss=True):
        super().__init__(daemon=True)
        self.session = session
        self.every = every
        self.with_pss = with_pss
        self.samples = []  # (seconds since start, RSS bytes, PSS bytes)
        self.over = threading.Event()

    def processes(self):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    stat = Path("/proc", entry, "stat").read_text()
                except OSError:
                    continue  # ended meanwhile
                if int(stat.rpartition(")")[2].split()[3]) == self.session:
                    yield int(entry)

    def run(self):
        started = time.monotonic()
        page = os.sysconf("SC_PAGE_SIZE")
        while not self.over.wait(self.every):
            rss = pss = 0
            for pid in self.processes():
                try:
                    rss += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
                    if self.with_pss:
                        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                            if line.startswith("Pss:"):
                                pss += int(line.split()[1]) * 1024
                except OSError:
                    pass  # ended meanwhile
            if rss:
                self.samples.append((time.monotonic() - started, rss, pss))

    def end(self):
        self.over.set()
        self.join()

    def most(self):
        """The largest RSS and the largest PSS."""
        return tuple(max((sample[i] for sample in self.samples), default=0) for i in (1, 2))


class Device(threading.Thread):
    """Samples what is in use on the first visible card, MiB, before it and since; nothing where there is none."""

    @staticmethod
    def query(what):
        card = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0] or "0"
        return ["nvidia-smi", f"--id={card}", f"--query-gpu={what}", "--format=csv,noheader,nounits"]

    def __init__(self, every_ms=100):
        super().__init__(daemon=True)
        self.began = time.monotonic()
        self.samples = []  # (seconds since start, MiB)
        self.child = None
        if shutil.which("nvidia-smi"):
            query = self.query("memory.used")
            now = subprocess.run(query, check=True, capture_output=True, text=True).stdout
            self.samples.append((0, int(now)))
            self.child = subprocess.Popen([*query, "-lms", str(every_ms)], stdout=subprocess.PIPE, text=True)

    def run(self):
        for line in self.child.stdout if self.child else ():
            self.samples.append((time.monotonic() - self.began, int(line)))

    def end(self):
        if self.child:
            self.child.kill()
        self.join()

    def taken(self):
        """The most since, less what was in use before; 0 where there is none."""
        return max(mib for _, mib in self.samples) - self.samples[0][1] if self.samples else 0


def measured(command, cpus, scratch, extra_env=()):
    """Runs a command to its end; what it took, and the last line it printed."""
    env = {
        **os.environ,
        "HF_HOME": f"{scratch}/hf",
        "HF_HUB_OFFLINE": "1",
        "XDG_CACHE_HOME": f"{scratch}/cache",
        "TMPDIR": f"{scratch}/tmp",
        **dict(extra_env),
    }
    os.mkdir(f"{scratch}/tmp")
    with open(f"{scratch}/stdout", "wb") as out, open(f"{scratch}/stderr", "wb") as err:
        started = time.monotonic()
        child = subprocess.Popen(
            command,
            stdout=out,
            stderr=err,
            env=env,
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
        memory = Memory(child.pid)
        memory.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    memory.end()
    rss, pss = memory.most()
    if child.returncode != 0:
        sys.stderr.write(Path(f"{scratch}/stderr").read_text(errors="replace")[-4000:])
        sys.exit(f"{command} ended with {child.returncode}")
    return {
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss": rss,
        "pss": pss,
        "out": Path(f"{scratch}/stdout").read_text(),
    }


def machine(cores):
    cpu = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return f"{cpu}, {cores} of {os.cpu_count()} cores, {memory:.0f} GiB, load before {load:.1f}"
