"""flowbrush: the streaming protocol and its Python client. Needs neither torch nor the server."""
