// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "attestation/collateral/collateral_bundle.h"
#include "attestation/collateral/collateral_cache.h"
#include "attestation/collateral/collateral_fetcher.h"
#include "attestation/collateral/curl_http_transport.h"
#include "cli/attestation/collateral_folder.h"
#include "cli/attestation/fetch_files.h"
#include "cli/attestation/verify_files.h"
#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "cli/terminal/table.h"
#include "common/clock.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using attestation::CollateralBundle;
using attestation::CollateralCache;

// The cache is the user's, not the workspace's: collateral is public and the
// same for all clusters. It is made if it is not there.
absl::StatusOr<std::unique_ptr<CollateralCache>> OpenCache(
    const Arguments& arguments) {
  const std::string folder =
      arguments.Text("--cache").value_or(DefaultCollateralFolder());
  auto cache = CollateralCache::Open({.directory = folder});
  return cache.ok() ? std::move(cache)
                    : absl::StatusOr<std::unique_ptr<CollateralCache>>(
                          Annotate(cache.status(), folder));
}

// The files tell which chips are meant; nothing of them is trusted.
absl::StatusOr<EvidenceSet> ReadEvidence(const Arguments& arguments) {
  EvidenceSet set;
  for (const std::string& path : arguments.List("FILE")) {
    ASSIGN_OR_RETURN(const std::string contents,
                     ReadFile(path, kMaxAttestationFile));
    set.Add(path, AsBytes(contents), true);
  }
  return set;
}

// Mirrors instead of the vendors' addresses. They need no trust: all that they
// send is verified against the pinned roots before it is stored.
attestation::CollateralEndpoints EndpointsOf(const Arguments& arguments) {
  attestation::CollateralEndpoints endpoints;
  endpoints.amd_kds = arguments.Text("--kds").value_or(endpoints.amd_kds);
  endpoints.intel_pcs = arguments.Text("--pcs").value_or(endpoints.intel_pcs);
  endpoints.intel_root_crl =
      arguments.Text("--root-crl").value_or(endpoints.intel_root_crl);
  return endpoints;
}

// Order of sources: the evidence's own certificates, cache, bundle, network.
// With --offline the network is never asked, and what is missing is an error.
absl::StatusOr<std::vector<FetchedFor>> Fetch(const Arguments& arguments,
                                              CollateralCache& cache) {
  ASSIGN_OR_RETURN(const EvidenceSet set, ReadEvidence(arguments));
  // A bundle of somebody else's: the fetcher verifies each item that it takes.
  std::optional<CollateralBundle> bundle;
  if (const auto path = arguments.Text("--from-bundle")) {
    ASSIGN_OR_RETURN(const std::string text,
                     ReadFile(*path, attestation::kMaxBundleSize));
    ASSIGN_OR_RETURN(bundle, CollateralBundle::Parse(text));
  }
  attestation::CurlHttpTransport transport(
      {.allow_plain_http = arguments.Has("--allow-plain-http"),
       .proxy = arguments.Text("--proxy").value_or(""),
       .ca_file = arguments.Text("--ca-file").value_or("")});
  attestation::CollateralFetcherOptions options;
  // Everything else keeps the fetcher's defaults: limits of time and size.
  options.offline = arguments.Has("--offline");
  attestation::CollateralFetcher fetcher(
      &transport, &cache, bundle.has_value() ? &*bundle : nullptr,
      Clock::System(), options);
  return FetchForFiles(set, EndpointsOf(arguments), fetcher);
}

// File names and texts of the evidence are shown without control characters:
// they may be hostile.
absl::Status RunFetch(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CollateralCache> cache,
                   OpenCache(arguments));
  ASSIGN_OR_RETURN(const std::vector<FetchedFor> fetched,
                   Fetch(arguments, *cache));
  const std::string folder =
      arguments.Text("--cache").value_or(DefaultCollateralFolder());
  if (context.output == OutputFormat::kJson) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const FetchedFor& entry : fetched) {
      list.push_back(
          {{"file", Printable(entry.file)}, {"got", Printable(entry.what)}});
    }
    const nlohmann::ordered_json document = {{"cache", Printable(folder)},
                                             {"fetched", std::move(list)}};
    context.Print(document.dump(2) + "\n");
    return absl::OkStatus();
  }
  for (const FetchedFor& entry : fetched) {
    context.Print(Printable(fmt::format("{}: {}", entry.file, entry.what)) +
                  "\n");
  }
  context.Print(fmt::format(
      "Kept in {}; give it to `attestation verify` with --collateral.\n",
      folder));
  return absl::OkStatus();
}

// The whole cache goes into the bundle, not only what belongs to FILE: machines
// without network verify evidence of several chips. The file is public (mode
// 0644); it holds nothing secret.
absl::Status RunBundle(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CollateralCache> cache,
                   OpenCache(arguments));
  if (arguments.Has("FILE")) {
    RETURN_IF_ERROR(Fetch(arguments, *cache).status());
  }
  CollateralBundle bundle(Clock::System().Now());
  for (const std::string& key : cache->Keys()) {
    ASSIGN_OR_RETURN(attestation::CachedCollateral entry, cache->Get(key));
    RETURN_IF_ERROR(bundle.Add(key, std::move(entry.collateral)));
  }
  if (bundle.Keys().empty()) {
    return NotFound("the cache is empty: nothing to put into a bundle");
  }
  const std::string path =
      arguments.Text("--to").value_or("collateral-bundle.json");
  constexpr mode_t kPublic = 0644;
  RETURN_IF_ERROR(WriteFileAtomically(path, bundle.Serialise(), kPublic));
  context.Print(fmt::format("{}: {} entries\n", path, bundle.Keys().size()));
  return absl::OkStatus();
}

// A flag with one value.
Flag TextFlag(const char* name, const char* value, const char* help) {
  return {.name = name,
          .kind = Flag::Kind::kText,
          .value_name = value,
          .help = help};
}

// What fetching needs.
std::vector<Flag> FetchFlags() {
  return {
      TextFlag("--cache", "FOLDER", "Where it is kept [the user's cache]."),
      {.name = "--offline", .help = "Use cache and bundle only."},
      TextFlag("--from-bundle", "FILE", "Use this bundle, too."),
      TextFlag("--kds", "URL", "Mirror of AMD's key service."),
      TextFlag("--pcs", "URL", "Mirror of Intel's service, e.g. a PCCS."),
      TextFlag("--root-crl", "URL", "Mirror of Intel's root CRL."),
      TextFlag("--proxy", "URL", "HTTP proxy [none]."),
      TextFlag("--ca-file", "FILE", "Authorities of servers [the system's]."),
      {.name = "--allow-plain-http",
       .help = "Accept http:// mirrors; content is verified anyway."}};
}

}  // namespace

Command CollateralFetchCommand() {
  return {.path = {"collateral", "fetch"},
          .help =
              "Get the certificates, CRLs and TCB information that evidence "
              "needs.",
          .example = "constellation collateral fetch report.bin",
          .flags = FetchFlags(),
          .positionals = {{.name = "FILE",
                           .help = "SEV-SNP reports, quotes, HCL reports, "
                                   "Nitro documents, AK certificates.",
                           .list = true}},
          .run = RunFetch};
}

Command CollateralBundleCommand() {
  std::vector<Flag> flags = FetchFlags();
  flags.push_back(
      TextFlag("--to", "FILE", "The bundle [collateral-bundle.json]."));
  return {.path = {"collateral", "bundle"},
          .help =
              "Put everything in the cache into one file, for machines "
              "without network.",
          .example = "constellation collateral bundle report.bin --to b.json",
          .flags = std::move(flags),
          .positionals = {{.name = "FILE",
                           .help = "Fetch for this evidence first.",
                           .required = false,
                           .list = true}},
          .run = RunBundle};
}

}  // namespace constellation::cli
