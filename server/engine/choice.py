"""Which engine a server has, by its settings."""

from __future__ import annotations

from flowbrush.server.engine.engine import Engine
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.settings import BadSettings, Settings


def engine_of(settings: Settings) -> Engine:
    """Processes of this machine, or actors of the cluster that is named. Raises BadSettings when that cannot be joined."""
    if not settings.cluster:
        return LocalEngine(settings.spares)
    try:
        from flowbrush.server.cluster.ray_engine import NoCluster, RayEngine
    except ImportError:
        raise BadSettings("--cluster needs Ray: pip install 'flowbrush[ray]'") from None
    try:
        return RayEngine(settings.cluster, settings.device, settings.threads or 1)
    except NoCluster as error:
        raise BadSettings(str(error)) from None
