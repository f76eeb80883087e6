// SPDX-License-Identifier: Apache-2.0
// What verifying a GCE machine's evidence costs, beside one ECDSA verification.
// Needs the folder of vectors (attestation/testing/vectors.h).
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <vector>

#include "attestation/eventlog/event_log.h"
#include "attestation/gcp/ak_certificate.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/pcr_quote.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "attestation/tpm/testing/vector_quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "crypto/der.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

using testing::LoadVectorQuote;
using testing::PemToDer;
using testing::QuoteSigner;
using testing::ReadVector;
using testing::SignerKind;
using testing::VectorEntry;
using testing::VectorQuote;

void Must(bool good) {
  if (!good) {
    abort();
  }
}

const VectorQuote& Quote() {
  static const auto& quote = *new VectorQuote(LoadVectorQuote(
      VectorEntry("gcp/vtpm-gce-cos-85-nonce9009-sha256.attest.bin")));
  return quote;
}

const Bytes& Log() {
  static const auto& log =
      *new Bytes(ReadVector("eventlog/gce-cos-85-quote-log.bin"));
  return log;
}

// Leaf, intermediate, root; PEM or DER.
using Chain = std::vector<Bytes>;

// All RSA-4096: two of its signatures are checked.
const Chain& NewChain() {
  static const auto& chain =
      *new Chain{PemToDer(ReadVector("gcp/pca-tpm-rsa-sign-cert.pem")),
                 ReadVector("gcp/ek-ak-ca-intermediate-v3.der"),
                 ReadVector("gcp/ek-ak-ca-root.der")};
  return chain;
}

// One RSA-2048 and one RSA-4096 signature, as with the quote's own machine.
const Chain& OldChain() {
  static const auto& chain =
      *new Chain{PemToDer(ReadVector("gcp/uca-tpm-ecc-sign-cert.pem")),
                 ReadVector("gcp/tpm-ek-intermediate-3.der"),
                 ReadVector("gcp/tpm-ek-root-1.der")};
  return chain;
}

void VerifyChain(const Chain& chain) {
  std::vector<crypto::Certificate> candidates;
  for (size_t i = 1; i < chain.size(); ++i) {
    candidates.push_back(*crypto::Certificate::FromDer(chain[i]));
  }
  GcpTrust trust;
  trust.now = absl::FromUnixSeconds(1770120000);
  Must(CheckGcpAkCertificate(chain[0], candidates, trust).ak.has_value());
}

void VerifyQuoteOnly() {
  Must(CheckPcrQuote(Quote().View(), Quote().nonce).quote.has_value());
}

void ReplayLog() {
  const auto log = ParseEventLogUnverified(Log());
  Must(log.ok());
  const auto registers = Replay(*log, kTpmAlgSha256);
  Must(registers.ok() && registers->at(4) == Quote().registers[4].second);
}

// The unit of the figures: one P-256 verification with a decoded key.
void BmP256Verify(benchmark::State& state) {
  const QuoteSigner signer(SignerKind::kP256, kTpmAlgSha256);
  const Bytes message(100, 7);
  const Bytes der = signer.Sign(message);
  const auto numbers = crypto::ParseEcdsaSignature(der);
  const auto key = crypto::PublicKey::FromSpki(signer.Spki());
  for (auto _ : state) {
    Must(key->VerifyEcdsa(crypto::HashAlgorithm::kSha256, message, numbers->r,
                          numbers->s)
             .ok());
  }
}
BENCHMARK(BmP256Verify);

void BmQuote(benchmark::State& state) {
  for (auto _ : state) {
    VerifyQuoteOnly();
  }
}
BENCHMARK(BmQuote);

void BmParseCertificates(benchmark::State& state) {
  for (auto _ : state) {
    for (const Bytes& der : OldChain()) {
      Must(crypto::Certificate::FromDer(der).ok());
    }
  }
}
BENCHMARK(BmParseCertificates);

void BmAkChain(benchmark::State& state) {
  for (auto _ : state) {
    VerifyChain(state.range(0) == 0 ? OldChain() : NewChain());
  }
}
BENCHMARK(BmAkChain)->Arg(0)->Arg(1);

void BmParseEventLog(benchmark::State& state) {
  for (auto _ : state) {
    Must(ParseEventLogUnverified(Log()).ok());
  }
}
BENCHMARK(BmParseEventLog);

void BmReplayEventLog(benchmark::State& state) {
  for (auto _ : state) {
    ReplayLog();
  }
}
BENCHMARK(BmReplayEventLog);

// Certificates parsed and verified each time, quote, 24 kB of log.
void BmQuoteWithChainAndLog(benchmark::State& state) {
  for (auto _ : state) {
    VerifyChain(state.range(0) == 0 ? OldChain() : NewChain());
    VerifyQuoteOnly();
    ReplayLog();
  }
}
BENCHMARK(BmQuoteWithChainAndLog)->Arg(0)->Arg(1);

}  // namespace
}  // namespace constellation::attestation

BENCHMARK_MAIN();
