"""Memory: how much processes have used at most, in bytes of physical memory, and how often they look for garbage."""

from __future__ import annotations

import gc
import sys


def collect_rarely() -> None:
    """What a check makes it keeps for long. Going through it for garbage as often as Python does by default took a
    tenth of the time of a short check.
    """
    gc.set_threshold(50_000, 20, 50)


def peak() -> int | None:
    """Of this process; None where the system does not tell."""
    if sys.platform == "win32":
        return _peak_on_windows()
    else:
        import resource

        return _bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def peak_of_ended_children() -> int | None:
    """Of the largest of the processes that this one has started and that have ended; None if it is not known."""
    if sys.platform == "win32":
        return None
    else:
        import resource

        return _bytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _bytes(maxrss: int) -> int:
    """macOS counts bytes, others count kilobytes."""
    return maxrss if sys.platform == "darwin" else maxrss * 1024


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of psapi.h."""

        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("WorkingSetSize", ctypes.c_size_t),
            ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
            ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
            ("PagefileUsage", ctypes.c_size_t),
            ("PeakPagefileUsage", ctypes.c_size_t),
        )

    def _peak_on_windows() -> int | None:
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        ask = kernel.K32GetProcessMemoryInfo
        ask.argtypes = (wintypes.HANDLE, ctypes.POINTER(_Counters), wintypes.DWORD)
        ask.restype = wintypes.BOOL
        counters = _Counters(cb=ctypes.sizeof(_Counters))
        done = ask(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb)
        return int(counters.PeakWorkingSetSize) if done else None
