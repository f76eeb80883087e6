// SPDX-License-Identifier: Apache-2.0
// Predictions for firmware of 4 MiB.
#include <benchmark/benchmark.h>

#include "attestation/launch/ovmf.h"
#include "attestation/launch/snp_launch.h"
#include "attestation/launch/tdx_launch.h"
#include "attestation/launch/testing/firmware_builder.h"

namespace constellation::attestation {
namespace {

constexpr uint32_t kFirmwareSize = 4U << 20U;

Bytes LargeFirmware() {
  testing::TestFirmware firmware;
  firmware.size = kFirmwareSize;
  firmware.WithApReset(0x80b004)
      .WithSev({{.gpa = 0x800000, .size = 0x9000, .type = 1},
                {.gpa = 0x80d000, .size = 0x1000, .type = 2},
                {.gpa = 0x80e000, .size = 0x1000, .type = 3},
                {.gpa = 0x80f000, .size = 0x11000, .type = 1}})
      .WithTdvf({{.data_offset = 0,
                  .data_size = kFirmwareSize,
                  .gpa = kFirmwareEnd - kFirmwareSize,
                  .memory_size = kFirmwareSize,
                  .type = 0,
                  .attributes = 1}});
  return firmware.Build();
}

void BM_ParseFirmware(benchmark::State& state) {
  const Bytes bytes = LargeFirmware();
  for (auto _ : state) {
    benchmark::DoNotOptimize(OvmfFirmware::Parse(bytes).ok());
  }
}
BENCHMARK(BM_ParseFirmware);

// The floor: one SHA-384 over the firmware.
void BM_HashFirmware(benchmark::State& state) {
  const Bytes bytes = LargeFirmware();
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::Sha384(bytes));
  }
  state.SetBytesProcessed(state.iterations() * kFirmwareSize);
}
BENCHMARK(BM_HashFirmware)->Unit(benchmark::kMillisecond);

// With as many vCPUs as the argument says.
void BM_SnpLaunchDigest(benchmark::State& state) {
  const Bytes bytes = LargeFirmware();
  const auto firmware = OvmfFirmware::Parse(bytes);
  SnpLaunchOptions options;
  options.vcpus = static_cast<uint32_t>(state.range(0));
  options.cpu_signature = CpuSignature(0x19, 1, 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(PredictSnpLaunchDigest(*firmware, options).ok());
  }
  state.SetBytesProcessed(state.iterations() * kFirmwareSize);
}
BENCHMARK(BM_SnpLaunchDigest)->Arg(1)->Arg(64)->Unit(benchmark::kMillisecond);

void BM_TdxMrtd(benchmark::State& state) {
  const Bytes bytes = LargeFirmware();
  const auto firmware = OvmfFirmware::Parse(bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(PredictTdxMrtd(*firmware).ok());
  }
  state.SetBytesProcessed(state.iterations() * kFirmwareSize);
}
BENCHMARK(BM_TdxMrtd)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace constellation::attestation

BENCHMARK_MAIN();
