"""What benchmarks share: a machine in neutral words, percentiles, and a profile of where the time goes."""

import cProfile
import os
import platform
import pstats
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def machine() -> str:
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return f"{cores} cores ({platform.machine()}), Python {platform.python_version()}, load {load:.1f} at the start"


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def summary(name: str, micros: Sequence[float]) -> str:
    return (
        f"{name:<44} p50 {percentile(micros, 0.5):9.1f} us   p99 {percentile(micros, 0.99):9.1f} us   "
        f"mean {statistics.fmean(micros):9.1f} us   n {len(micros)}"
    )


def cpu_seconds(root: int) -> float:
    """The processor time of a process and of all that it started, those that ended included.

    Unlike the time on the clock it says the same on a machine that others use too.
    """
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        found = _times(folder)
        if found is not None:
            parents[int(folder.name)] = found
    wanted, total = {root}, 0.0
    while wanted:
        pid = wanted.pop()
        if pid in parents:
            total += parents[pid][1]
        wanted |= {child for child, (parent, _) in parents.items() if parent == pid}
    return total


def _times(folder: Path) -> tuple[int, float] | None:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended as we looked
        return None
    return int(fields[1]), sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def profile(work: Callable[[], Any], *, rows: int = 10) -> list[str]:
    """The functions in which the most time is spent themselves."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    found: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    whole = sum(entry[2] for entry in found.values()) or 1.0
    first = sorted(found.items(), key=lambda item: item[1][2], reverse=True)[:rows]
    return [f"{entry[2] / whole:6.1%}  {entry[0]:>9} calls  {_place(place)}" for place, entry in first]


def _place(place: tuple[str, int, str]) -> str:
    file, line, name = place
    if file == "~":
        return name
    path = Path(file)
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-2:])
    return f"{shown}:{line} {name}"
