// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_NODE_PATHS_H_
#define CONSTELLATION_BOOTSTRAPPER_NODE_PATHS_H_

#include <string>

namespace constellation::bootstrapper {

// Where things are on a node. `root` is empty there; tests put all of it below
// a folder of their own.
struct NodePaths {
  std::string root;

  // tmpfs
  std::string Runtime() const { return root + "/run/constellation"; }
  std::string NodeLock() const { return Runtime() + "/node-lock"; }
  std::string Committed() const { return Runtime() + "/node-committed"; }
  std::string BootStatus() const { return Runtime() + "/boot-status.json"; }
  std::string KubeadmConfig() const { return Runtime() + "/kubeadm.yaml"; }
  std::string CollateralCache() const { return Runtime() + "/collateral"; }
  std::string KubeadmPatches() const { return Runtime() + "/patches"; }
  // state disk
  std::string State() const { return root + "/run/state/constellation"; }
  std::string NodeState() const { return State() + "/node_state.json"; }
  std::string EtcdJoining() const { return State() + "/etcd-joining"; }
  std::string AuditLogs() const { return State() + "/audit"; }
  std::string Kubernetes() const { return root + "/etc/kubernetes"; }
  std::string Pki() const { return Kubernetes() + "/pki"; }
  std::string AdminKubeconfig() const { return Kubernetes() + "/admin.conf"; }
  std::string KubeletKubeconfig() const {
    return Kubernetes() + "/kubelet.conf";
  }
  std::string AuditPolicy() const {
    return Kubernetes() + "/audit-policy.yaml";
  }
  std::string Kubelet() const { return root + "/var/lib/kubelet"; }
  std::string Cni() const { return root + "/etc/cni/net.d"; }
  std::string CniConfig() const { return Cni() + "/10-constellation.conflist"; }
  // node image
  std::string Manifests() const {
    return root + "/usr/share/constellation/kubernetes";
  }
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_NODE_PATHS_H_
