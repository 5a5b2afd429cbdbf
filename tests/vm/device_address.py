#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: device_address.py DEVICE

Prints an IP address by which the RDMA device can be reached with rdma_cm: of the network device
that its GIDs belong to (RoCE, iWARP), or of one on the same hardware (IPoIB). IPv4 before IPv6.
"""

import json
import pathlib
import subprocess
import sys

RDMA = pathlib.Path("/sys/class/infiniband")


class NoAddress(Exception):
    pass


def netdevs_of_gids(device):
    found = []
    for path in sorted(device.glob("ports/*/gid_attrs/ndevs/*")):
        try:
            name = path.read_text().strip()
        except OSError:
            # An entry of the table that is free.
            continue
        if name and name not in found:
            found.append(name)
    return found


def netdevs_of_hardware(device, net=pathlib.Path("/sys/class/net")):
    hardware = device / "device"
    if not hardware.exists():
        return []
    return sorted(path.name for path in net.iterdir()
                  if (path / "device").exists() and (path / "device").samefile(hardware))


def addresses(netdev):
    done = subprocess.run(["ip", "-json", "addr", "show", "dev", netdev],
                          capture_output=True, text=True, check=True)
    infos = [info for link in json.loads(done.stdout) for info in link.get("addr_info", [])]
    # A link-local one would need the interface's name behind it.
    infos = [info for info in infos if info["scope"] == "global"]
    return [info["local"] for info in sorted(infos, key=lambda info: info["family"])]


def find(name, rdma=RDMA, addresses_of=addresses):
    device = rdma / name
    if not device.exists():
        here = ", ".join(sorted(path.name for path in rdma.iterdir())) if rdma.exists() else ""
        raise NoAddress(f"no RDMA device '{name}' here; there are: {here or 'none'}")
    netdevs = netdevs_of_gids(device) or netdevs_of_hardware(device)
    if not netdevs:
        raise NoAddress(f"the RDMA device {name} has no network device")
    for netdev in netdevs:
        for address in addresses_of(netdev):
            return address
    raise NoAddress(f"{', '.join(netdevs)} of the RDMA device {name} has no address: "
                    "ip addr add ADDRESS/LENGTH dev DEVICE")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(find(sys.argv[1]))
    except (NoAddress, subprocess.CalledProcessError, OSError) as error:
        print(f"device_address: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
