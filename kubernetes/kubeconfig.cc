// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/kubeconfig.h"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/internal/yaml.h"

namespace constellation::kubernetes {
namespace {

using internal::LoadYaml;
using internal::TextAt;

constexpr std::array<const char*, 3> kLists = {"clusters", "users", "contexts"};

// The one map in `yaml`, with clusters, users and contexts as lists of named
// maps. Calls of yaml-cpp after this can only throw for types checked here.
absl::StatusOr<YAML::Node> LoadKubeconfig(std::string_view yaml) {
  ASSIGN_OR_RETURN(std::vector<YAML::Node> documents,
                   LoadYaml(yaml, "kubeconfig"));
  if (documents.size() != 1 || !documents[0].IsMap()) {
    return InvalidArgument("kubeconfig: want one YAML map");
  }
  const YAML::Node config = documents[0];
  ASSIGN_OR_RETURN(const std::string kind, TextAt(config, "kind"));
  if (kind != "Config") {
    return InvalidArgument(
        fmt::format("kubeconfig: want kind 'Config', got '{}'", kind));
  }
  for (const char* list : kLists) {
    const YAML::Node entries = config[list];
    if (!entries.IsDefined() || entries.IsNull()) continue;
    if (!entries.IsSequence()) {
      return InvalidArgument(fmt::format("kubeconfig: '{}' is no list", list));
    }
    for (const YAML::Node& entry : entries) {
      ASSIGN_OR_RETURN(const std::string name, TextAt(entry, "name"));
      if (name.empty()) {
        return InvalidArgument(
            fmt::format("kubeconfig: entry of '{}' without name", list));
      }
    }
  }
  return config;
}

// The map `kind` in the entry `name` of the list `kind` + "s".
absl::StatusOr<YAML::Node> FindEntry(const YAML::Node& config,
                                     const std::string& kind,
                                     const std::string& name) {
  for (const YAML::Node& entry : config[kind + "s"]) {
    if (entry["name"].Scalar() != name) continue;
    const YAML::Node value = entry[kind];
    if (!value.IsDefined() || !value.IsMap()) {
      return InvalidArgument(
          fmt::format("kubeconfig: {} '{}' is no map", kind, name));
    }
    return value;
  }
  return NotFound(fmt::format("kubeconfig: no {} '{}'", kind, name));
}

// What `map` holds as base64 at `key` + "-data" or names as a file at `key`.
absl::StatusOr<std::string> DataOrFile(const YAML::Node& map,
                                       const std::string& key) {
  ASSIGN_OR_RETURN(const std::string data, TextAt(map, key + "-data"));
  if (!data.empty()) {
    const absl::StatusOr<Bytes> bytes = Base64Decode(data);
    if (!bytes.ok()) {
      return InvalidArgument(
          fmt::format("kubeconfig: '{}-data' is not base64", key));
    }
    return std::string(AsText(*bytes));
  }
  ASSIGN_OR_RETURN(const std::string file, TextAt(map, key));
  if (file.empty()) return std::string();
  if (!file.starts_with('/')) {
    return InvalidArgument(
        fmt::format("kubeconfig: '{}' is no absolute file name", key));
  }
  return ReadFile(file);
}

// Wipes the copy that it was given.
SecretBytes TakeSecret(std::string text) {
  SecretBytes secret(AsBytes(text));
  Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return secret;
}

// TLS without verification is refused rather than ignored: the file asks for
// it, and nothing here may do it.
absl::Status ReadCluster(const YAML::Node& cluster, ClusterAccess& access) {
  ASSIGN_OR_RETURN(access.server, TextAt(cluster, "server"));
  ASSIGN_OR_RETURN(access.tls_server_name, TextAt(cluster, "tls-server-name"));
  ASSIGN_OR_RETURN(access.ca_pem, DataOrFile(cluster, "certificate-authority"));
  ASSIGN_OR_RETURN(const std::string insecure,
                   TextAt(cluster, "insecure-skip-tls-verify"));
  if (!insecure.empty() && insecure != "false") {
    return InvalidArgument(
        "kubeconfig: 'insecure-skip-tls-verify' is not supported");
  }
  if (!access.server.starts_with("https://")) {
    return InvalidArgument(fmt::format(
        "kubeconfig: want a server that begins with https://, got '{}'",
        access.server));
  }
  if (access.ca_pem.empty()) {
    return InvalidArgument("kubeconfig: cluster without certificate authority");
  }
  return absl::OkStatus();
}

// Plug-ins would run programs that a file names.
absl::Status ReadUser(const YAML::Node& user, ClusterAccess& access) {
  for (const char* key : {"exec", "auth-provider", "username", "password"}) {
    if (user[key].IsDefined()) {
      return InvalidArgument(
          fmt::format("kubeconfig: user's '{}' is not supported", key));
    }
  }
  ASSIGN_OR_RETURN(access.client_certificate_pem,
                   DataOrFile(user, "client-certificate"));
  ASSIGN_OR_RETURN(std::string key, DataOrFile(user, "client-key"));
  access.client_key_pem = TakeSecret(std::move(key));
  ASSIGN_OR_RETURN(access.token_file, TextAt(user, "tokenFile"));
  ASSIGN_OR_RETURN(std::string token, TextAt(user, "token"));
  access.token = TakeSecret(std::move(token));
  if (access.client_certificate_pem.empty() && access.token.empty() &&
      access.token_file.empty()) {
    return InvalidArgument("kubeconfig: user without certificate or token");
  }
  return absl::OkStatus();
}

absl::StatusOr<ClusterAccess> ReadAccess(const YAML::Node& config,
                                         std::string context_name) {
  if (context_name.empty()) {
    ASSIGN_OR_RETURN(context_name, TextAt(config, "current-context"));
  }
  ASSIGN_OR_RETURN(const YAML::Node context,
                   FindEntry(config, "context", context_name));
  ASSIGN_OR_RETURN(const std::string cluster_name, TextAt(context, "cluster"));
  ASSIGN_OR_RETURN(const std::string user_name, TextAt(context, "user"));
  ASSIGN_OR_RETURN(const YAML::Node cluster,
                   FindEntry(config, "cluster", cluster_name));
  ASSIGN_OR_RETURN(const YAML::Node user, FindEntry(config, "user", user_name));
  ClusterAccess access;
  RETURN_IF_ERROR(ReadCluster(cluster, access));
  RETURN_IF_ERROR(ReadUser(user, access));
  return access;
}

std::string Emit(const YAML::Node& node) {
  YAML::Emitter emitter;
  emitter << node;
  return std::string(emitter.c_str(), emitter.size()) + "\n";
}

YAML::Node NamedEntry(const std::string& kind, const std::string& name,
                      const YAML::Node& value) {
  YAML::Node entry;
  entry["name"] = name;
  entry[kind] = value;
  return entry;
}

// Puts the entries of `added` into `target`, in the place of those of the same
// name.
void MergeList(YAML::Node target, const YAML::Node& added) {
  for (const YAML::Node& entry : added) {
    bool replaced = false;
    for (size_t i = 0; i < target.size(); ++i) {
      if (target[i]["name"].Scalar() != entry["name"].Scalar()) continue;
      target[i] = entry;
      replaced = true;
    }
    if (!replaced) target.push_back(entry);
  }
}

absl::Status FromYamlException(const YAML::Exception& error) {
  return InvalidArgument(fmt::format("kubeconfig: {}", error.msg));
}

YAML::Node UserNode(const KubeconfigParameters& p) {
  YAML::Node user(YAML::NodeType::Map);
  const auto embed = [&user](const char* key, std::span<const uint8_t> bytes) {
    if (!bytes.empty()) user[key] = Base64Encode(bytes);
  };
  embed("client-certificate-data", AsBytes(p.client_certificate_pem));
  embed("client-key-data", p.client_key_pem.Expose());
  if (!p.client_certificate_file.empty()) {
    user["client-certificate"] = p.client_certificate_file;
    user["client-key"] = p.client_key_file;
  }
  if (!p.token.empty()) user["token"] = std::string(AsText(p.token.Expose()));
  return user;
}

}  // namespace

absl::StatusOr<ClusterAccess> ParseKubeconfig(std::string_view yaml,
                                              std::string_view context) {
  try {
    ASSIGN_OR_RETURN(const YAML::Node config, LoadKubeconfig(yaml));
    return ReadAccess(config, std::string(context));
  } catch (const YAML::Exception& error) {
    return FromYamlException(error);
  }
}

absl::StatusOr<std::string> BuildKubeconfig(const KubeconfigParameters& p) {
  if (p.cluster_name.empty() || p.user_name.empty() || p.context_name.empty() ||
      p.server.empty() || p.ca_pem.empty()) {
    return InvalidArgument(
        "kubeconfig: want names of cluster, user and context, server and "
        "authority");
  }
  try {
    YAML::Node cluster;
    cluster["server"] = p.server;
    cluster["certificate-authority-data"] = Base64Encode(AsBytes(p.ca_pem));
    if (!p.tls_server_name.empty()) {
      cluster["tls-server-name"] = p.tls_server_name;
    }
    YAML::Node context;
    context["cluster"] = p.cluster_name;
    context["user"] = p.user_name;
    YAML::Node config;
    config["apiVersion"] = "v1";
    config["kind"] = "Config";
    config["clusters"].push_back(
        NamedEntry("cluster", p.cluster_name, cluster));
    config["users"].push_back(NamedEntry("user", p.user_name, UserNode(p)));
    config["contexts"].push_back(
        NamedEntry("context", p.context_name, context));
    config["current-context"] = p.context_name;
    return Emit(config);
  } catch (const YAML::Exception& error) {
    return FromYamlException(error);
  }
}

absl::StatusOr<std::string> MergeKubeconfig(std::string_view existing,
                                            std::string_view added,
                                            bool switch_context) {
  try {
    ASSIGN_OR_RETURN(const YAML::Node source, LoadKubeconfig(added));
    if (existing.find_first_not_of(" \t\r\n") == std::string_view::npos) {
      return std::string(added);
    }
    ASSIGN_OR_RETURN(YAML::Node target, LoadKubeconfig(existing));
    for (const char* list : kLists) {
      if (!target[list].IsDefined() || target[list].IsNull()) {
        target[list] = YAML::Node(YAML::NodeType::Sequence);
      }
      MergeList(target[list], source[list]);
    }
    ASSIGN_OR_RETURN(const std::string context,
                     TextAt(source, "current-context"));
    if (switch_context && !context.empty()) {
      target["current-context"] = context;
    }
    return Emit(target);
  } catch (const YAML::Exception& error) {
    return FromYamlException(error);
  }
}

absl::StatusOr<std::string> WithServer(std::string_view yaml,
                                       std::string_view server,
                                       std::string_view tls_server_name) {
  try {
    ASSIGN_OR_RETURN(YAML::Node config, LoadKubeconfig(yaml));
    for (YAML::Node entry : config["clusters"]) {
      YAML::Node cluster = entry["cluster"];
      if (!cluster.IsDefined() || !cluster.IsMap()) {
        return InvalidArgument("kubeconfig: cluster is no map");
      }
      cluster["server"] = std::string(server);
      cluster.remove("tls-server-name");
      if (!tls_server_name.empty()) {
        cluster["tls-server-name"] = std::string(tls_server_name);
      }
    }
    return Emit(config);
  } catch (const YAML::Exception& error) {
    return FromYamlException(error);
  }
}

}  // namespace constellation::kubernetes
