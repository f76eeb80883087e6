// SPDX-License-Identifier: Apache-2.0
// What one verification costs. Machines are noisy, so every round also runs one
// bare P-256 verification: the counter "x_p256" is the ratio, and counts.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/testing/vectors.h"
#include "crypto/public_key.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::IntelCollateralSet;
using ::constellation::testing::Middle;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::VectorsFolder;

using Clock = std::chrono::steady_clock;

// The signature of a quote, alone: the unit of all ratios.
class BareVerify final {
 public:
  explicit BareVerify(const Bytes& bytes)
      : bytes_(bytes),
        quote_(ParseIntelQuoteUnverified(bytes_).value()),
        key_(crypto::PublicKey::FromEcPoint(crypto::EcCurve::kP256,
                                            quote_.attestation_key.first(32),
                                            quote_.attestation_key.subspan(32))
                 .value()) {}

  bool Run() const {
    return key_
        .VerifyEcdsa(crypto::HashAlgorithm::kSha256, quote_.signed_bytes,
                     quote_.signature.first(32), quote_.signature.subspan(32))
        .ok();
  }

 private:
  Bytes bytes_;
  IntelQuoteUnverified quote_;
  crypto::PublicKey key_;
};

double Median(std::vector<double>& values) {
  const auto middle =
      values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Runs `operation` and the bare verification in turn; the ratio is that of the
// medians, which other programs on the machine hardly move.
template <typename F>
void Interleave(benchmark::State& state, const BareVerify& bare, F operation) {
  using Seconds = std::chrono::duration<double>;
  std::vector<double> ours;
  std::vector<double> unit;
  for (auto _ : state) {
    const auto start = Clock::now();
    const bool verified = operation();
    const auto middle = Clock::now();
    const bool signed_well = bare.Run();
    const auto end = Clock::now();
    if (!verified || !signed_well) {
      state.SkipWithError("refused");
      return;
    }
    ours.push_back(Seconds(middle - start).count());
    unit.push_back(Seconds(end - middle).count());
    state.SetIterationTime(ours.back());
  }
  state.counters["median_us"] = Median(ours) * 1e6;
  state.counters["x_p256"] = Median(ours) / Median(unit);
}

// A quote with collateral of its time.
struct Case {
  Bytes quote;
  IntelCollateralSet set;
  absl::Time now;
};

std::optional<Case> Load(benchmark::State& state, const std::string& quote,
                         const std::string& set) {
  if (!VectorsFolder().has_value()) {
    state.SkipWithError(testing::kNoVectors);
    return std::nullopt;
  }
  IntelCollateralSet found = FindIntelCollateral(set).value();
  const absl::Time now = Middle(*found.window);
  return Case{.quote = ReadVector(quote), .set = std::move(found), .now = now};
}

constexpr char kTdxQuote[] = "tdx/quote-v4-phala-uptodate.bin";
constexpr char kTdxSet[] = "tdx/collateral/b0c06f-2025-06";
constexpr char kSgxQuote[] = "sgx/quote-v3-processor-ca.bin";
constexpr char kSgxSet[] = "sgx/collateral/00a067-2025-06";

void BmChainOnly(benchmark::State& state, const char* quote, const char* set) {
  const auto data = Load(state, quote, set);
  if (!data.has_value()) {
    return;
  }
  Interleave(state, BareVerify(data->quote), [&] {
    return CheckIntelQuoteChain(data->quote, ProductionAnchors(),
                                {.now = data->now})
        .quote.has_value();
  });
}
BENCHMARK_CAPTURE(BmChainOnly, Tdx, kTdxQuote, kTdxSet)->UseManualTime();
BENCHMARK_CAPTURE(BmChainOnly, Sgx, kSgxQuote, kSgxSet)->UseManualTime();

// Everything parsed and verified each time.
void BmCold(benchmark::State& state, const char* quote, const char* set) {
  const auto data = Load(state, quote, set);
  if (!data.has_value()) {
    return;
  }
  Interleave(state, BareVerify(data->quote), [&] {
    const auto collateral = CheckIntelCollateral(
        data->set.collateral, ProductionAnchors(), data->now);
    return collateral.collateral.has_value() &&
           CheckIntelQuote(data->quote, *collateral.collateral,
                           ProductionAnchors(), {.now = data->now})
               .quote.has_value();
  });
}
BENCHMARK_CAPTURE(BmCold, Tdx, kTdxQuote, kTdxSet)->UseManualTime();
BENCHMARK_CAPTURE(BmCold, Sgx, kSgxQuote, kSgxSet)->UseManualTime();

// Collateral verified before; with a cache, also what is the same in all quotes
// of a platform.
void BmCached(benchmark::State& state, const char* quote, const char* set,
              bool with_cache) {
  const auto data = Load(state, quote, set);
  if (!data.has_value()) {
    return;
  }
  const auto collateral =
      CheckIntelCollateral(data->set.collateral, ProductionAnchors(), data->now)
          .collateral.value();
  IntelVerificationCache cache;
  Interleave(state, BareVerify(data->quote), [&] {
    return CheckIntelQuote(
               data->quote, collateral, ProductionAnchors(),
               {.now = data->now, .cache = with_cache ? &cache : nullptr})
        .quote.has_value();
  });
}
BENCHMARK_CAPTURE(BmCached, TdxCollateral, kTdxQuote, kTdxSet, false)
    ->UseManualTime();
BENCHMARK_CAPTURE(BmCached, TdxAll, kTdxQuote, kTdxSet, true)->UseManualTime();
BENCHMARK_CAPTURE(BmCached, SgxAll, kSgxQuote, kSgxSet, true)->UseManualTime();

// Without any signature.
void BmParseTcbInfo(benchmark::State& state) {
  const auto data = Load(state, kTdxQuote, kTdxSet);
  if (!data.has_value()) {
    return;
  }
  for (auto _ : state) {
    const auto document =
        ParseSignedJsonUnverified(data->set.collateral.tcb_info, "tcbInfo");
    benchmark::DoNotOptimize(ParseTcbInfoUnverified(document->body));
  }
}
BENCHMARK(BmParseTcbInfo);

void BmParsePckChain(benchmark::State& state) {
  const auto data = Load(state, kTdxQuote, kTdxSet);
  if (!data.has_value()) {
    return;
  }
  const auto quote = ParseIntelQuoteUnverified(data->quote).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(ParsePckChainUnverified(
        quote.certification_type, quote.certification_data, {}));
  }
}
BENCHMARK(BmParsePckChain);

void BmKeyFromPoint(benchmark::State& state) {
  const auto data = Load(state, kTdxQuote, kTdxSet);
  if (!data.has_value()) {
    return;
  }
  Interleave(state, BareVerify(data->quote), [&] {
    const auto quote = ParseIntelQuoteUnverified(data->quote).value();
    return crypto::PublicKey::FromEcPoint(crypto::EcCurve::kP256,
                                          quote.attestation_key.first(32),
                                          quote.attestation_key.subspan(32))
        .ok();
  });
}
BENCHMARK(BmKeyFromPoint)->UseManualTime();

}  // namespace
}  // namespace constellation::attestation

BENCHMARK_MAIN();
