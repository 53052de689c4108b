"""The report of cycles on a device: each composite beside its roofline, and the roofline drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from byoc.report.figures import clean, duration, macs, plural, share, size
from byoc.report.page import columns, line, paragraph
from byoc.runtime.device_cost import CompositeCost, DeviceCost

if TYPE_CHECKING:
    from byoc.runtime.profile import Profile

COMPOSITES_SHOWN: Final = 12
NAME: Final = 34
HEADER: Final = ("composite", "cycles", "share", "roofline", "bound by", "MACs", "bytes")

# The drawing, in its own units.
MANY_DECADES: Final = 4
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 860, 480, 70, 50, 20, 20


def write_device_costs(costs: Sequence[DeviceCost], out: Console) -> None:
    """Print the cycles of every segment whose driver counts them, the composites that take most first."""
    for cost in costs:
        line(out, "")
        line(out, f"{cost.segment} on the device, one call", "bold")
        words = f"{cost.cycles:,} cycles"
        if cost.clock_hz:
            words += f", {duration(cost.seconds)} at {cost.clock_hz / 1e6:,.0f} MHz"
        words += f"; {plural(len(cost.composites), 'composite')}"
        ideal = sum(each.roofline_cycles for each in cost.composites)
        paragraph(
            out, f"{words}; {share(ideal, max(ideal, cost.cycles))} of the roofline", indent=2
        )
        largest = sorted(cost.composites, key=lambda each: -each.cycles)[:COMPOSITES_SHOWN]
        header, *rows = columns([HEADER, *(_row(each, cost) for each in largest)], left=1)
        line(out, header, "dim")
        for text in rows:
            line(out, text)
        rest = len(cost.composites) - len(largest)
        if rest:
            line(out, f"  {rest} more: --format json has them all", "dim")


def device_json(costs: Sequence[DeviceCost]) -> dict[str, Any]:
    """What the profile's JSON has of devices: `devices`, one a segment, and `composites`, all of them."""
    return {
        "devices": [
            {
                "segment": each.segment,
                "vendor": each.vendor,
                "cycles": each.cycles,
                "clock_hz": each.clock_hz,
                "seconds": each.seconds,
                "bandwidth": each.bandwidth,
                "peak": dict(each.peak),
            }
            for each in costs
        ],
        "composites": [
            {"segment": cost.segment, **_plain(each)} for cost in costs for each in cost.composites
        ],
    }


def roofline_page(profile: Profile) -> str:
    """A page of HTML, whole in itself: for each segment the roofline as SVG and a table of all composites."""
    import jinja2

    text = resources.files("byoc.report").joinpath("roofline.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"macs": macs, "size": size, "duration": duration}
    return environment.from_string(text).render(
        profile=profile,
        charts=[(cost, Chart.of(cost)) for cost in profile.devices],
        frame={"width": WIDTH, "height": HEIGHT, "left": LEFT, "bottom": HEIGHT - BOTTOM},
    )


@dataclass(frozen=True, slots=True)
class Chart:
    """A roofline with both axes logarithmic: `roofs`, `points`, and the ticks of the axes, in the drawing's units.

    x is MACs a byte, y is MACs a cycle. A roof is (dtype, list of corners); a point is (x, y, radius, composite).
    """

    roofs: tuple[tuple[str, str], ...]
    points: tuple[tuple[float, float, float, CompositeCost], ...]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]

    @classmethod
    def of(cls, cost: DeviceCost) -> Chart:
        """The chart of one segment; composites without MACs have no place in it."""
        drawn = [each for each in cost.composites if each.macs and each.bytes and each.cycles]
        intensities = [each.macs / each.bytes for each in drawn] or [1.0]
        rates = [each.macs / each.cycles for each in drawn] or [1.0]
        peaks = [peak for peak in cost.peak.values() if peak > 0] or [1.0]
        bandwidth = cost.bandwidth or 1.0
        corners = [peak / bandwidth for peak in peaks]
        x = _Axis.around([*intensities, *corners], LEFT, WIDTH - RIGHT)
        y = _Axis.around([*rates, *peaks], HEIGHT - BOTTOM, TOP)
        total = sum(each.cycles for each in drawn) or 1
        return cls(
            tuple(
                (dtype, _roof(peak, bandwidth, x, y))
                for dtype, peak in cost.peak.items()
                if peak > 0
            ),
            tuple(
                (
                    x.at(each.macs / each.bytes),
                    y.at(each.macs / each.cycles),
                    3 + 12 * math.sqrt(each.cycles / total),
                    each,
                )
                for each in sorted(drawn, key=lambda each: -each.cycles)
            ),
            tuple(x.ticks()),
            tuple(y.ticks()),
        )


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic axis: the decades `first` to `last` (not whole) from the place `start` to the place `end`."""

    first: float
    last: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        return cls(math.log10(min(values) / 1.5), math.log10(max(values) * 1.5), start, end)

    def at(self, value: float) -> float:
        part = (math.log10(value) - self.first) / (self.last - self.first)
        return round(self.start + part * (self.end - self.start), 1)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """At 1, 2 and 5 of each decade, or at decades alone where there are many."""
        digits = (1, 2, 5) if self.last - self.first < MANY_DECADES else (1,)
        for power in range(math.floor(self.first), math.ceil(self.last) + 1):
            for digit in digits:
                value = digit * 10.0**power
                if self.first <= math.log10(value) <= self.last:
                    yield self.at(value), f"{value:,g}"


def _roof(peak: float, bandwidth: float, x: _Axis, y: _Axis) -> str:
    """The corners of a roof, as SVG has points: the slope of the bandwidth up to the peak, then level."""
    left, right = 10.0**x.first, 10.0**x.last
    start = max(left, 10.0**y.first / bandwidth)
    corner = peak / bandwidth
    places = [(start, start * bandwidth), (corner, peak), (right, peak)]
    if start > corner:
        places = [(left, peak), (right, peak)]
    return " ".join(f"{x.at(across)},{y.at(up)}" for across, up in places)


def _row(each: CompositeCost, cost: DeviceCost) -> tuple[str, ...]:
    name = clean(each.nodes[0] if each.nodes else each.name)
    kind = clean(each.name).rpartition(".")[2]
    room = NAME - len(kind) - 1
    if len(name) > room:  # the end of a node's path tells it from others
        name = f"...{name[max(3, len(name) - room + 3) :]}"
    return (
        f"{kind} {name}" if name != kind else kind,
        f"{each.cycles:,}",
        share(each.cycles, cost.cycles),
        f"{100 * each.of_roofline:.0f} %",
        each.bound,
        macs(each.macs),
        size(each.bytes),
    )


def _plain(each: CompositeCost) -> dict[str, Any]:
    document = asdict(each)
    more = document.pop("more")
    return {**document, **more, "nodes": list(each.nodes)}
