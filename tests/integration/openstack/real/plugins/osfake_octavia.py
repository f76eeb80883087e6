# SPDX-License-Identifier: Apache-2.0
"""A network driver for octavia's worker that makes nothing, but deletes the address's port, as a real one does."""
from octavia.network.drivers.neutron import allowed_address_pairs
from octavia.network.drivers.noop_driver import driver


class Network(driver.NoopNetworkDriver):
    def deallocate_vip(self, vip):
        real = allowed_address_pairs.AllowedAddressPairsDriver()
        real.neutron_client.delete_port(vip.port_id)
