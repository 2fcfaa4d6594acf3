"""Figures in Prometheus form. One object per server, so that tests can have several."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_S = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0)
STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5.0)


class Metrics:
    """Every figure of the server; times in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept = self.registry
        self.first_frame = Histogram(
            "flowbrush_time_to_first_frame_seconds",
            "From session.start to the first packet",
            buckets=LATENCY_S,
            registry=kept,
        )
        self.stage = Histogram(
            "flowbrush_chunk_seconds", "Time of one chunk by stage", ["stage"], buckets=STAGE_S, registry=kept
        )
        self.control_to_pixel = Histogram(
            "flowbrush_control_to_pixel_seconds",
            "From accepting a control to sending the first frame that shows it",
            buckets=LATENCY_S,
            registry=kept,
        )
        self.batch = Histogram(
            "flowbrush_batch_streams",
            "Streams per forward pass",
            buckets=(1, 2, 3, 4, 6, 8, 16, 32),
            registry=kept,
        )
        self.chunks = Counter("flowbrush_chunks", "Chunks made", registry=kept)
        self.replayed = Counter(
            "flowbrush_chunks_replayed", "Chunks made again to get back a state", registry=kept
        )
        self.misses = Counter(
            "flowbrush_deadline_misses", "Chunks that came after the viewer's buffer was empty", registry=kept
        )
        self.drops = Counter(
            "flowbrush_frames_dropped", "Frames not sent, by cause", ["cause"], registry=kept
        )
        self.bytes = Counter("flowbrush_sent_bytes", "Media bytes sent", registry=kept)
        self.errors = Counter("flowbrush_errors", "Error messages sent, by code", ["code"], registry=kept)
        self.refused = Counter(
            "flowbrush_refused", "Requests that were not let in, by cause", ["cause"], registry=kept
        )
        self.connections_closed = Counter(
            "flowbrush_connections_closed",
            "Connections over a limit or out of time",
            ["cause"],
            registry=kept,
        )
        self.restarts = Counter(
            "flowbrush_worker_restarts", "Workers replaced, by cause", ["cause"], registry=kept
        )
        self.sessions = Counter("flowbrush_sessions", "Sessions ended, by reason", ["reason"], registry=kept)
        self.queue = Gauge("flowbrush_queue_depth", "Sessions waiting for a slot", ["model"], registry=kept)
        self.slots = Gauge("flowbrush_slots", "Slots of all workers that are ready", ["model"], registry=kept)
        self.slots_used = Gauge(
            "flowbrush_slots_used", "Slots that a session holds", ["model"], registry=kept
        )
        self.viewers = Gauge("flowbrush_viewers", "Read-only viewers connected", registry=kept)
        self.relayed = Gauge(
            "flowbrush_relayed", "Connections to sessions that another gateway has", registry=kept
        )

        self._add_troubles()

    def _add_troubles(self) -> None:
        """What should not happen, and what was done about it."""
        kept = self.registry
        self.overloads = Counter(
            "flowbrush_overloads",
            "Sessions told that their pictures come slower than they should",
            registry=kept,
        )
        self.effect_failures = Counter(
            "flowbrush_effect_failures",
            "What could not be done for a session, by kind",
            ["kind"],
            registry=kept,
        )
        self.storage_silent = Gauge(
            "flowbrush_storage_silent_seconds",
            "How long the disk has answered nobody, although somebody waits for it",
            registry=kept,
        )
        self.task_failures = Counter(
            "flowbrush_task_failures",
            "Background tasks that failed and started again",
            ["task"],
            registry=kept,
        )

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)
