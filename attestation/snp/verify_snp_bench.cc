// SPDX-License-Identifier: Apache-2.0
// What verifying a report costs, in bare P-384 verifications of the same run:
// machines are noisy, ratios are not.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "attestation/snp/snp_chain_cache.h"
#include "attestation/snp/verify_snp.h"
#include "attestation/testing/vectors.h"
#include "crypto/testing/bare_verifier.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using Clock = std::chrono::steady_clock;
using ::constellation::testing::ReadVector;

const absl::Time kNow = absl::FromUnixSeconds(1788220800);  // 2026-09-01

struct Evidence {
  Bytes report;
  Bytes signer;
  Bytes intermediate;
  Bytes root;
  Bytes crl;

  SnpVerificationInput Input(bool with_crl) const {
    return {.report = report,
            .endorsements = {.signer = signer,
                             .intermediate = intermediate,
                             .root = root,
                             .crl = with_crl ? std::span<const uint8_t>(crl)
                                             : std::span<const uint8_t>()},
            .options = {}};
  }
};

Evidence Load(const std::string& product, const std::string& report,
              const std::string& signer) {
  const auto pem = [](const std::string& name) {
    const Bytes text = ReadVector(name);
    return crypto::Certificate::FromPem(AsText(text)).value().der();
  };
  return {.report = ReadVector("snp/" + report),
          .signer = ReadVector("snp/" + signer),
          .intermediate = pem("snp/" + product + "-ask.pem"),
          .root = pem("snp/" + product + "-ark.pem"),
          .crl = ReadVector("snp/" + product + "-crl-2026-08.der")};
}

double Median(std::vector<double> values) {
  std::ranges::nth_element(
      values, values.begin() + static_cast<ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// Times `operation` and a bare verification in turn; the counters have both
// medians in microseconds and the median of the ratios.
template <typename Operation>
void Interleave(benchmark::State& state, Operation operation) {
  const crypto::testing::BareVerifier bare(crypto::EcCurve::kP384);
  std::vector<double> ours;
  std::vector<double> floor;
  std::vector<double> ratios;
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    const bool good = operation();
    const Clock::time_point middle = Clock::now();
    const bool floor_good = bare.Verify();
    const Clock::time_point end = Clock::now();
    if (!good || !floor_good) {
      state.SkipWithError("not verified");
      return;
    }
    ours.push_back(std::chrono::duration<double>(middle - start).count());
    floor.push_back(std::chrono::duration<double>(end - middle).count());
    ratios.push_back(ours.back() / floor.back());
    state.SetIterationTime(ours.back());
  }
  state.counters["ours_us"] = 1e6 * Median(ours);
  state.counters["p384_us"] = 1e6 * Median(floor);
  state.counters["x_p384"] = Median(ratios);
}

void Verify(benchmark::State& state, const Evidence& evidence, bool with_crl,
            SnpChainCache* cache) {
  const SnpVerificationInput input = evidence.Input(with_crl);
  Interleave(state,
             [&] { return CheckSnp(input, kNow, cache).report.has_value(); });
}

void BmFullChain(benchmark::State& state, const std::string& product,
                 const std::string& report, const std::string& signer) {
  Verify(state, Load(product, report, signer), false, nullptr);
}
void BmFullChainWithCrl(benchmark::State& state, const std::string& product,
                        const std::string& report, const std::string& signer) {
  Verify(state, Load(product, report, signer), true, nullptr);
}
void BmSignerKnown(benchmark::State& state, const std::string& product,
                   const std::string& report, const std::string& signer) {
  SnpChainCache cache(4);
  Verify(state, Load(product, report, signer), true, &cache);
}

#define CONSTELLATION_SNP_BENCH(function)                                   \
  BENCHMARK_CAPTURE(function, milan_v3, "milan", "milan-v3-aci-report.bin", \
                    "milan-aci-vcek-issued-2025-12.der")                    \
      ->UseManualTime();                                                    \
  BENCHMARK_CAPTURE(function, turin_v5, "turin", "turin-v5-aci-report.bin", \
                    "turin-aci-vcek.der")                                   \
      ->UseManualTime()
CONSTELLATION_SNP_BENCH(BmFullChain);
CONSTELLATION_SNP_BENCH(BmFullChainWithCrl);
CONSTELLATION_SNP_BENCH(BmSignerKnown);

}  // namespace
}  // namespace constellation::attestation

BENCHMARK_MAIN();
