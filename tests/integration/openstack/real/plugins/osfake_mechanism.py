# SPDX-License-Identifier: Apache-2.0
"""A mechanism driver for neutron that binds every port to nothing."""
from neutron_lib.plugins.ml2 import api


class Mechanism(api.MechanismDriver):
    connectivity = "l2"

    def initialize(self):
        pass

    def bind_port(self, context):
        if "fail" not in context.host:
            context.set_binding(context.segments_to_bind[0]["id"], "ovs", {"port_filter": True}, status="ACTIVE")
