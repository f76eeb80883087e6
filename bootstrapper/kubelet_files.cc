// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/kubelet_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bootstrapper/kubeadm_config.h"
#include "bootstrapper/node_labels.h"
#include "bootstrapper/programs.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/kubeconfig.h"

namespace constellation::bootstrapper {
namespace {

constexpr char kCurrentPair[] = "kubelet-client-current.pem";
constexpr char kFirstPair[] = "kubelet-client-joined.pem";

// The flags are read by a shell-like parser of systemd: no blank, quote or "$"
// may get there.
bool IsHarmless(std::string_view value) {
  return std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           std::string_view("./:-_").find(c) != std::string_view::npos;
  });
}

// kubelet renews its certificate by moving this link, so it must be a link.
absl::Status WritePair(const KubeletCredentials& credentials,
                       const std::string& folder) {
  const std::string file = folder + "/" + kFirstPair;
  const std::string link = folder + "/" + kCurrentPair;
  const std::string_view certificate = credentials.certificate_pem;
  const auto key = credentials.private_key_pem.Expose();
  SecretBytes pair(certificate.size() + 1 + key.size());
  auto target = pair.ExposeMutable();
  std::ranges::copy(AsBytes(certificate), target.begin());
  target[certificate.size()] = '\n';
  std::ranges::copy(key, target.subspan(certificate.size() + 1).begin());
  RETURN_IF_ERROR(WriteFileAtomically(file, AsText(pair.Expose())));
  if (unlink(link.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", link);
  }
  if (symlink(kFirstPair, link.c_str()) != 0) {
    return ErrnoStatus(errno, "link", link);
  }
  return absl::OkStatus();
}

// The paths are those that programs on the node see.
absl::StatusOr<std::string> KubeletKubeconfig(
    const KubeletCredentials& credentials) {
  kubernetes::KubeconfigParameters parameters;
  parameters.cluster_name = "constellation";
  parameters.user_name = "kubelet";
  parameters.context_name = "kubelet";
  parameters.server =
      fmt::format("https://{}", credentials.api_server_endpoint);
  parameters.ca_pem = credentials.cluster_ca_pem;
  parameters.client_certificate_file =
      fmt::format("/var/lib/kubelet/pki/{}", kCurrentPair);
  parameters.client_key_file = parameters.client_certificate_file;
  return kubernetes::BuildKubeconfig(parameters);
}

}  // namespace

absl::StatusOr<std::string> KubeletFlags(const NodeIdentity& self) {
  for (const std::string& value :
       {self.name, self.cluster_ip, self.provider_id}) {
    if (!IsHarmless(value)) {
      return InvalidArgument("kubelet flags: want letters, digits and ./:-_");
    }
  }
  std::string flags = fmt::format(
      "--container-runtime=remote --container-runtime-endpoint={} "
      "--pod-infra-container-image={} --hostname-override={} --node-ip={}",
      kContainerdSocket, kPauseImage, self.name, self.cluster_ip);
  if (!self.provider_id.empty()) {
    flags += fmt::format(" --provider-id={}", self.provider_id);
  }
  if (const std::string labels = NodeLabels(self); !labels.empty()) {
    flags += fmt::format(" --node-labels={}", labels);
  }
  return fmt::format("KUBELET_KUBEADM_ARGS=\"{}\"\n", flags);
}

absl::Status WriteKubeletFiles(const KubeletCredentials& credentials,
                               const NodeIdentity& self,
                               const NodePaths& paths) {
  ASSIGN_OR_RETURN(const std::string flags, KubeletFlags(self));
  const std::string pki = paths.Kubelet() + "/pki";
  RETURN_IF_ERROR(MakeDirectories(paths.Pki(), kPublicDirectoryMode));
  RETURN_IF_ERROR(MakeDirectories(paths.Kubernetes() + "/manifests",
                                  kPrivateDirectoryMode));
  RETURN_IF_ERROR(MakeDirectories(pki));
  RETURN_IF_ERROR(WriteFileAtomically(
      paths.Pki() + "/ca.crt", credentials.cluster_ca_pem, kPublicFileMode));
  RETURN_IF_ERROR(WritePair(credentials, pki));
  ASSIGN_OR_RETURN(const std::string kubeconfig,
                   KubeletKubeconfig(credentials));
  RETURN_IF_ERROR(WriteFileAtomically(paths.KubeletKubeconfig(), kubeconfig));
  RETURN_IF_ERROR(WriteFileAtomically(paths.Kubelet() + "/config.yaml",
                                      credentials.kubelet_config,
                                      kPublicFileMode));
  return WriteFileAtomically(paths.Kubelet() + "/kubeadm-flags.env", flags,
                             kPublicFileMode);
}

}  // namespace constellation::bootstrapper
