"""Figures in Prometheus form. One object per server, so that tests can have several."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_S = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0)
STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5.0)
STREAMS = (1, 2, 3, 4, 6, 8, 16, 32)


class Metrics:
    """Every figure of the server; times in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._add_times()
        self._add_counts()
        self._add_states()
        self._add_troubles()

    def _add_times(self) -> None:
        """How long things take, and how many share a pass."""
        histogram = self._histogram
        self.first_frame = histogram(
            "flowbrush_time_to_first_frame_seconds", "From session.start to the first packet", LATENCY_S
        )
        self.stage = histogram("flowbrush_chunk_seconds", "Time of one chunk by stage", STAGE_S, "stage")
        about = "From accepting a control to sending the first frame that shows it"
        self.control_to_pixel = histogram("flowbrush_control_to_pixel_seconds", about, LATENCY_S)
        self.batch = histogram("flowbrush_batch_streams", "Streams per forward pass", STREAMS)

    def _add_counts(self) -> None:
        """What was done until now."""
        count = self._counter
        self.chunks = count("flowbrush_chunks", "Chunks made")
        self.replayed = count("flowbrush_chunks_replayed", "Chunks made again to get back a state")
        self.misses = count(
            "flowbrush_deadline_misses", "Chunks that came after the viewer's buffer was empty"
        )
        self.drops = count(
            "flowbrush_frames_dropped", "Frames not sent, or of a source not used, by cause", "cause"
        )
        self.bytes = count("flowbrush_sent_bytes", "Media bytes sent")
        self.errors = count("flowbrush_errors", "Error messages sent, by code", "code")
        self.refused = count("flowbrush_refused", "Requests that were not let in, by cause", "cause")
        about = "Connections over a limit or out of time"
        self.connections_closed = count("flowbrush_connections_closed", about, "cause")
        self.restarts = count("flowbrush_worker_restarts", "Workers replaced, by cause", "cause")
        self.sessions = count("flowbrush_sessions", "Sessions ended, by reason", "reason")

    def _add_states(self) -> None:
        """What there is now."""
        gauge = self._gauge
        self.queue = gauge("flowbrush_queue_depth", "Sessions waiting for a slot", "model")
        self.slots = gauge("flowbrush_slots", "Slots of all workers that are ready", "model")
        self.slots_used = gauge("flowbrush_slots_used", "Slots that a session holds", "model")
        self.viewers = gauge("flowbrush_viewers", "Read-only viewers connected")
        self.relayed = gauge("flowbrush_relayed", "Connections to sessions that another gateway has")

    def _add_troubles(self) -> None:
        """What should not happen, and what was done about it."""
        count = self._counter
        self.overloads = count("flowbrush_overloads", "Times that a session's quality began to go down")
        about = "What could not be done for a session, by kind"
        self.effect_failures = count("flowbrush_effect_failures", about, "kind")
        about = "How long the disk has answered nobody, although somebody waits for it"
        self.storage_silent = self._gauge("flowbrush_storage_silent_seconds", about)
        about = "Background tasks that failed and started again"
        self.task_failures = count("flowbrush_task_failures", about, "task")

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(name, about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, about, labels, buckets=buckets, registry=self.registry)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)
