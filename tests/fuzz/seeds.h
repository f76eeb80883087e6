// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_FUZZ_SEEDS_H_
#define CONSTELLATION_TESTS_FUZZ_SEEDS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/hex.h"

// What libFuzzer starts from: genuine inputs of every parser, made at run time
// by the project's own signers, builders and writers. From nothing a fuzzer
// hardly gets past a parser's first length or signature.
namespace constellation::fuzz {

// One input of one fuzz target, laid out as that target reads it.
struct Seed {
  std::string target;  // as in CMake, e.g. "attestation_snp_report_fuzz"
  std::string name;    // of the file; unique within the target
  Bytes bytes;
  // What the parser that the seed is meant for says of it. Anything but OK
  // means that the seed ends at that parser's first checks, so is of no use.
  absl::Status accepted;
};

// A name and what it stands for.
using Text = std::pair<std::string_view, std::string_view>;

// The seeds of one area. Each call makes the keys it needs.
void AddCpuSeeds(std::vector<Seed>& seeds);            // AMD and Intel
void AddTpmSeeds(std::vector<Seed>& seeds);            // TPM and event logs
void AddCloudEvidenceSeeds(std::vector<Seed>& seeds);  // Azure, Google, Nitro
void AddPolicySeeds(
    std::vector<Seed>& seeds);  // policy, evidence, bundles, cli
void AddCryptoSeeds(std::vector<Seed>& seeds);  // X.509, DER
void AddDiskSeeds(std::vector<Seed>& seeds);    // images, state disk, firmware
void AddCloudSeeds(std::vector<Seed>& seeds);   // cloud/: XML, JSON, INI, HTTP
void AddKubernetesSeeds(std::vector<Seed>& seeds);

// All of them, in that order.
std::vector<Seed> AllSeeds();

inline void Add(std::vector<Seed>& seeds, std::string_view target,
                std::string_view name, Bytes bytes, absl::Status accepted) {
  seeds.push_back({.target = std::string(target),
                   .name = std::string(name),
                   .bytes = std::move(bytes),
                   .accepted = std::move(accepted)});
}

// `input` behind an octet that chooses the parser.
inline Bytes Chosen(uint8_t choice, std::span<const uint8_t> input) {
  Bytes bytes{choice};
  bytes.insert(bytes.end(), input.begin(), input.end());
  return bytes;
}

inline Bytes TextBytes(std::string_view text) {
  return {text.begin(), text.end()};
}

}  // namespace constellation::fuzz

#endif  // CONSTELLATION_TESTS_FUZZ_SEEDS_H_
