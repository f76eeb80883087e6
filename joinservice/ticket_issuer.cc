// SPDX-License-Identifier: Apache-2.0
#include "joinservice/ticket_issuer.h"

#include <fmt/format.h>

#include "attestation/policy/appraisal.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"
#include "crypto/key_hierarchy.h"
#include "crypto/p256.h"
#include "crypto/x509.h"
#include "joinservice/printable.h"

namespace constellation::joinservice {
namespace {

constexpr std::string_view kNodesOrganisation = "system:nodes";
constexpr size_t kMaxQuoted = 80;

absl::Status CheckDiskUuid(std::string_view disk_uuid) {
  if (crypto::IsUuid(disk_uuid)) return absl::OkStatus();
  return InvalidArgument(
      fmt::format("disk_uuid: want a lower-case UUID, got '{}'",
                  Printable(disk_uuid, kMaxQuoted)));
}

// The request must ask for exactly the identity of this node: whoever holds the
// certificate is that node for the API server.
absl::Status CheckCsr(const VerifiedNode& node, const Bytes& der) {
  const absl::StatusOr<crypto::CsrInfo> csr = crypto::VerifyCsr(der);
  if (!csr.ok()) return Annotate(csr.status(), "kubelet_csr");
  const std::string wanted = fmt::format("system:node:{}", node.name());
  if (csr->common_name != wanted) {
    return PermissionDenied(
        fmt::format("kubelet_csr: want common name '{}', got '{}'", wanted,
                    Printable(csr->common_name, kMaxQuoted)));
  }
  if (csr->organisations.size() != 1 ||
      csr->organisations[0] != kNodesOrganisation) {
    return PermissionDenied(fmt::format(
        "kubelet_csr: want the organisation '{}', got {} of them beginning "
        "with '{}'",
        kNodesOrganisation, csr->organisations.size(),
        csr->organisations.empty()
            ? ""
            : Printable(csr->organisations[0], kMaxQuoted)));
  }
  if (!csr->is_p256) return InvalidArgument("kubelet_csr: want a P-256 key");
  if (csr->has_extensions) {
    return PermissionDenied("kubelet_csr: want no extensions");
  }
  return absl::OkStatus();
}

// kubeadm's --discovery-token-ca-cert-hash of the cluster's authority.
absl::StatusOr<std::string> CaCertHash(std::string_view ca_pem) {
  ASSIGN_OR_RETURN(const crypto::Certificate ca,
                   crypto::Certificate::FromPem(ca_pem));
  return fmt::format("sha256:{}", HexEncode(crypto::Sha256(ca.Spki())));
}

}  // namespace

bool VerifiedNode::is_control_plane() const {
  return role_ == attestation::kRoleControlPlane;
}

absl::StatusOr<VerifiedNode> TicketIssuer::Admit(
    const attestation::Evidence& evidence,
    std::span<const uint8_t> user_data) const {
  std::shared_ptr<const attestation::Policy> policy = policies_.Current();
  if (policy == nullptr) {
    return Unavailable("no valid attestation policy has been read yet");
  }
  attestation::Appraisal appraisal = attestation::Appraise(
      evidence, user_data, attestation::ClusterState::None(), *policy,
      clock_.Now());
  RETURN_IF_ERROR(attestation::ToStatus(appraisal));
  // What Appraise() promises of accepted evidence, checked where it is relied
  // on.
  if (appraisal.node_name.empty() ||
      (appraisal.role != attestation::kRoleControlPlane &&
       appraisal.role != attestation::kRoleWorker)) {
    return PermissionDenied("the node's TPM is not enrolled with name, role");
  }
  return VerifiedNode(std::move(appraisal.node_name), std::move(appraisal.role),
                      std::move(appraisal.profile), std::move(policy));
}

absl::StatusOr<JoinGrant> TicketIssuer::IssueJoin(
    const VerifiedNode& node, const JoinDemand& demand) const {
  RETURN_IF_ERROR(CheckDiskUuid(demand.disk_uuid));
  if (demand.node_name != node.name()) {
    return PermissionDenied(
        fmt::format("node_name: want '{}', as which this TPM is enrolled, got "
                    "'{}'",
                    node.name(), Printable(demand.node_name, kMaxQuoted)));
  }
  RETURN_IF_ERROR(CheckCsr(node, demand.kubelet_csr));
  JoinGrant grant;
  grant.role = node.role();
  grant.attestation_policy = node.policy().ToJson();
  ASSIGN_OR_RETURN(grant.state_disk_key, keys_.StateDiskKey(demand.disk_uuid));
  ASSIGN_OR_RETURN(grant.cluster_id, keys_.ClusterId());
  ASSIGN_OR_RETURN(grant.facts, cluster_.Facts());
  ASSIGN_OR_RETURN(
      grant.kubelet_certificate_pem,
      cluster_.IssueKubeletCertificate(
          crypto::PemEncode("CERTIFICATE REQUEST", demand.kubelet_csr),
          node.name()));
  if (node.is_control_plane()) {
    RETURN_IF_ERROR(AddControlPlaneParts(node, grant));
  }
  return grant;
}

absl::Status TicketIssuer::AddControlPlaneParts(const VerifiedNode& node,
                                                JoinGrant& grant) const {
  ASSIGN_OR_RETURN(grant.ca_cert_hash, CaCertHash(grant.facts.cluster_ca_pem));
  ASSIGN_OR_RETURN(grant.control_plane_files,
                   ReadControlPlaneFiles(pki_folder_));
  ASSIGN_OR_RETURN(grant.bootstrap_token,
                   cluster_.CreateBootstrapToken(node.name()));
  return absl::OkStatus();
}

absl::StatusOr<RejoinGrant> TicketIssuer::IssueRejoin(
    const VerifiedNode& node, std::string_view disk_uuid) const {
  RETURN_IF_ERROR(CheckDiskUuid(disk_uuid));
  RejoinGrant grant;
  ASSIGN_OR_RETURN(grant.state_disk_key, keys_.StateDiskKey(disk_uuid));
  ASSIGN_OR_RETURN(grant.cluster_id, keys_.ClusterId());
  grant.node_name = node.name();
  return grant;
}

}  // namespace constellation::joinservice
