// SPDX-License-Identifier: Apache-2.0
// What one verification and one connection cost in cryptography.
#include <benchmark/benchmark.h>

#include "crypto/hash.h"
#include "crypto/key_hierarchy.h"
#include "crypto/p256.h"
#include "crypto/public_key.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/vectors.h"
#include "crypto/tls_identity.h"
#include "crypto/x509.h"

namespace constellation::crypto {
namespace {

using testing::Hex;

// RFC 6979 appendix A.2.5.
const Bytes kX =
    Hex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
const Bytes kY =
    Hex("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
const Bytes kR =
    Hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
const Bytes kS =
    Hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");

void BmSha256OfEventLog(benchmark::State& state) {
  const Bytes log(32768, 7);
  for (auto _ : state) {
    benchmark::DoNotOptimize(Sha256(log));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) *
                          static_cast<int64_t>(log.size()));
}
BENCHMARK(BmSha256OfEventLog);

void BmKeyFromEcPoint(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(PublicKey::FromEcPoint(EcCurve::kP256, kX, kY));
  }
}
BENCHMARK(BmKeyFromEcPoint);

void BmKeyFromSpki(benchmark::State& state) {
  const Bytes spki = Hex(testing::kLeafSpkiHex);
  for (auto _ : state) {
    benchmark::DoNotOptimize(PublicKey::FromSpki(spki));
  }
}
BENCHMARK(BmKeyFromSpki);

void BmVerifyEcdsaP256(benchmark::State& state) {
  const PublicKey key = PublicKey::FromEcPoint(EcCurve::kP256, kX, kY).value();
  for (auto _ : state) {
    if (!key.VerifyEcdsa(HashAlgorithm::kSha256, AsBytes("sample"), kR, kS)
             .ok()) {
      state.SkipWithError("signature refused");
    }
  }
}
BENCHMARK(BmVerifyEcdsaP256);

void BmVerifyCertificate(benchmark::State& state) {
  const Certificate root = Certificate::FromPem(testing::kRootPem).value();
  for (auto _ : state) {
    if (!Certificate::FromPem(testing::kLeafPem)
             .value()
             .VerifySignedBy(root)
             .ok()) {
      state.SkipWithError("certificate refused");
    }
  }
}
BENCHMARK(BmVerifyCertificate);

void BmCreateTlsIdentity(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(CreateTlsIdentity());
  }
}
BENCHMARK(BmCreateTlsIdentity);

void BmStateDiskKey(benchmark::State& state) {
  const KeyHierarchy keys =
      KeyHierarchy::Create(SecretBytes(32), Bytes(32)).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        keys.StateDiskKey("01234567-89ab-cdef-0123-456789abcdef"));
  }
}
BENCHMARK(BmStateDiskKey);

}  // namespace
}  // namespace constellation::crypto

BENCHMARK_MAIN();
