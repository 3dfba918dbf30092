"""Processes, ports and what the kernel says of their cost."""

import os
import resource
import signal
import socket
import subprocess
import tempfile
import time

PROXY_CORE = "0"
LOAD_CORE = "1"


def raise_file_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port():
    """A port the kernel says is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def wait_until_accepting(port, process, seconds=20):
    """Seconds until the port accepts a connection; None when the process ends or the time is over."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if accepts(port):
            return time.monotonic() - started
        if process.poll() is not None:
            return None
        time.sleep(0.0005)
    return None


class Stage:
    """A folder and the processes of one benchmark; everything goes when it closes."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-bench-")
        self.processes = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def start(self, command, core, output="output.log", **options):
        with open(self.path(output), "ab") as log:
            process = subprocess.Popen(
                ["taskset", "-c", core, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                **options)
        self.processes.append(process)
        return process

    def stop(self, process, how=signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(how)
            process.wait(timeout=30)

    def tail(self, name, bytes_max=1200):
        try:
            with open(self.path(name), errors="replace") as file:
                return file.read()[-bytes_max:]
        except OSError:
            return ""

    def close(self):
        for process in self.processes:
            self.stop(process)
        subprocess.run(["rm", "-rf", self.folder], check=False)


def process_tree(root):
    """A process and all its descendants."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    found, pending = [], [root]
    while pending:
        process = pending.pop()
        found.append(process)
        pending += children.get(process, [])
    return found


def cpu_seconds(root):
    """CPU time of a process tree in nanosecond steps, kernel time included."""
    total = 0
    for process in process_tree(root):
        for thread in os.listdir(f"/proc/{process}/task"):
            try:
                with open(f"/proc/{process}/task/{thread}/schedstat") as file:
                    total += int(file.read().split()[0])
            except OSError:
                continue
    return total / 1e9


def resident_kib(root):
    total = 0
    for process in process_tree(root):
        with open(f"/proc/{process}/status") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    return total
