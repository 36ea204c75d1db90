"""Connections to web servers: certificates are checked, and an interrupt shuts them at once.

The libraries bring authorities of their own (certifi), which know no hospital's; here those of the
system count, as for DICOM's own connections.
"""

from __future__ import annotations

import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from spinealign.network.connecting import Sockets, client_context, connected, web_tls
from spinealign.network.peers import WebPeer


class _Watched(HTTPConnection):
    _sockets: Sockets | None = None

    def _new_conn(self) -> socket.socket:
        self._sockets = Sockets()
        seconds = self.timeout if isinstance(self.timeout, int | float) else None
        return connected(self._dns_host, int(self.port or 0), seconds, self._sockets)

    def close(self) -> None:
        """Close the connection, and its twin."""
        super().close()
        if self._sockets is not None:
            self._sockets.let_go()


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class Adapter(HTTPAdapter):  # type: ignore[misc]
    """Connects to one server, and to wherever it leads.

    Parameters
    ----------
    peer : WebPeer

    Raises
    ------
    NetworkError
        A file of certificates cannot be used.
    """

    def __init__(self, peer: WebPeer) -> None:
        is_encrypted = peer.url.startswith("https:")
        self._context = client_context(web_tls(peer), peer.name) if is_encrypted else None
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """Make connections of ours, with our certificates."""
        super().init_poolmanager(*arguments, **named, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Keep the library's authorities out; what is checked stands in the context."""
        host, _ = super().build_connection_pool_key_attributes(request, True, None)
        return host, {"cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the connection as it is: the context says what is trusted."""
