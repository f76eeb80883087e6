// SPDX-License-Identifier: Apache-2.0
#include "joinservice/ticket_issuer.h"

#include <fmt/format.h>

#include <algorithm>

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

// The UUID goes into the derivation of a key: only one spelling may exist.
absl::Status CheckDiskUuid(std::string_view disk_uuid) {
  if (crypto::IsUuid(disk_uuid)) return absl::OkStatus();
  return InvalidArgument(
      fmt::format("disk_uuid: want a lower-case UUID, got '{}'",
                  Printable(disk_uuid, kMaxQuoted)));
}

// The request must ask for exactly the identity of this node: whoever holds the
// certificate is that node for the API server.
absl::Status CheckCsr(std::string_view node_name, const Bytes& der) {
  const absl::StatusOr<crypto::CsrInfo> csr = crypto::VerifyCsr(der);
  if (!csr.ok()) return Annotate(csr.status(), "kubelet_csr");
  const std::string wanted = fmt::format("system:node:{}", node_name);
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

bool IsRole(std::string_view role) {
  return role == attestation::kRoleControlPlane ||
         role == attestation::kRoleWorker;
}

// RFC 1123 label: what clouds and Kubernetes agree on.
bool IsNodeName(std::string_view name) {
  constexpr size_t kMaxLabel = 63;
  return !name.empty() && name.size() <= kMaxLabel && name.front() != '-' &&
         name.back() != '-' && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// The name that `node` gets: of its enrolment, else the one it asks for.
absl::StatusOr<std::string> NameFor(const VerifiedNode& node,
                                    std::string_view asked) {
  if (node.is_enrolled()) return node.name();
  if (IsNodeName(asked)) return std::string(asked);
  return PermissionDenied(fmt::format(
      "node_name: want 1 to 63 lower-case letters, digits and hyphens, got "
      "'{}'",
      Printable(asked, kMaxQuoted)));
}

// Enrolment decides; else the node's own word counts, because its platform
// proved that it runs the image, which is all that a role needs.
absl::StatusOr<std::string> RoleFor(const VerifiedNode& node,
                                    std::string_view asked) {
  if (node.is_enrolled()) return node.role();
  if (IsRole(asked)) return std::string(asked);
  return PermissionDenied(
      fmt::format("role: this node is not enrolled, so it must ask for "
                  "control-plane or worker, got '{}'",
                  Printable(asked, kMaxQuoted)));
}

}  // namespace

// PCR15 must be zero: a node that is a member already cannot take a second
// identity before it reboots.
absl::StatusOr<VerifiedNode> TicketIssuer::Admit(
    const attestation::Evidence& evidence,
    std::span<const uint8_t> user_data) const {
  std::shared_ptr<const attestation::Policy> policy = policies_.Current();
  if (policy == nullptr) {
    return Unavailable("no valid attestation policy has been read yet");
  }
  const attestation::GatheredCollateral gathered =
      attestation::GatherFrom(collateral_, evidence, *policy);
  attestation::Appraisal appraisal = attestation::Appraise(
      evidence, user_data, attestation::ClusterState::None(), *policy,
      gathered.collateral, clock_.Now());
  RETURN_IF_ERROR(attestation::ExplainRefusal(appraisal, gathered));
  // An owner who enrols machines means these and no others, whatever else may
  // vouch for one.
  const bool enrolled = !appraisal.node_name.empty() && IsRole(appraisal.role);
  if (!enrolled && !policy->enrolled().empty()) {
    return PermissionDenied(
        "the node's TPM is not enrolled with name and role, but the policy has "
        "enrolledTPMs");
  }
  if (!enrolled) {
    appraisal.node_name.clear();
    appraisal.role.clear();
  }
  return VerifiedNode(std::move(appraisal.node_name), std::move(appraisal.role),
                      std::move(appraisal.profile), std::move(policy));
}

// All that can be refused is checked before a key is derived or a certificate
// signed.
absl::StatusOr<JoinGrant> TicketIssuer::IssueJoin(
    const VerifiedNode& node, const JoinDemand& demand) const {
  RETURN_IF_ERROR(CheckDiskUuid(demand.disk_uuid));
  if (node.is_enrolled() && demand.node_name != node.name()) {
    return PermissionDenied(
        fmt::format("node_name: want '{}', as which this TPM is enrolled, got "
                    "'{}'",
                    node.name(), Printable(demand.node_name, kMaxQuoted)));
  }
  ASSIGN_OR_RETURN(const std::string name, NameFor(node, demand.node_name));
  RETURN_IF_ERROR(CheckCsr(name, demand.kubelet_csr));
  JoinGrant grant;
  ASSIGN_OR_RETURN(grant.role, RoleFor(node, demand.role));
  grant.attestation_policy = node.policy().ToJson();
  ASSIGN_OR_RETURN(grant.state_disk_key, keys_.StateDiskKey(demand.disk_uuid));
  ASSIGN_OR_RETURN(grant.cluster_id, keys_.ClusterId());
  ASSIGN_OR_RETURN(grant.facts, cluster_.Facts());
  ASSIGN_OR_RETURN(
      grant.kubelet_certificate_pem,
      cluster_.IssueKubeletCertificate(
          crypto::PemEncode("CERTIFICATE REQUEST", demand.kubelet_csr), name));
  if (grant.role == attestation::kRoleControlPlane) {
    RETURN_IF_ERROR(AddControlPlaneParts(name, grant));
  }
  return grant;
}

// The cluster's own keys: only for control-plane nodes.
absl::Status TicketIssuer::AddControlPlaneParts(const std::string& node_name,
                                                JoinGrant& grant) const {
  ASSIGN_OR_RETURN(grant.ca_cert_hash, CaCertHash(grant.facts.cluster_ca_pem));
  ASSIGN_OR_RETURN(grant.control_plane_files,
                   ReadControlPlaneFiles(pki_folder_));
  ASSIGN_OR_RETURN(grant.bootstrap_token,
                   cluster_.CreateBootstrapToken(node_name));
  return absl::OkStatus();
}

// The disk says whose it is and is authenticated by its key, so a node that
// asks for another's key cannot use it under its own name.
absl::StatusOr<RejoinGrant> TicketIssuer::IssueRejoin(
    const VerifiedNode& node, std::string_view disk_uuid,
    std::string_view node_name) const {
  RETURN_IF_ERROR(CheckDiskUuid(disk_uuid));
  RejoinGrant grant;
  ASSIGN_OR_RETURN(grant.node_name, NameFor(node, node_name));
  ASSIGN_OR_RETURN(grant.state_disk_key, keys_.StateDiskKey(disk_uuid));
  ASSIGN_OR_RETURN(grant.cluster_id, keys_.ClusterId());
  return grant;
}

}  // namespace constellation::joinservice
