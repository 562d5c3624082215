# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The far end of the management session, in CSME's namespace: a TCP server that sends back what it gets.

Usage: echo_server.py ADDRESS PORT
"""

from __future__ import annotations

import socket
import sys


def main(address: str, port: int) -> None:
    """Serve one connection after another, for ever."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1)
        print("listening", flush=True)
        while True:
            connection, _peer = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                try:
                    while True:
                        data = connection.recv(4096)
                        if not data:
                            break
                        connection.sendall(data)
                except OSError as error:
                    print(f"connection ended: {error}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
