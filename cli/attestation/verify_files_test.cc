// SPDX-License-Identifier: Apache-2.0
// The whole way from files to exit codes, on evidence that the test signs.
#include "cli/attestation/verify_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/policy/policy.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/command_line.h"
#include "cli/commands/table.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/hash.h"
#include "proto/attestation.pb.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestEvidence;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kInsecure[] = "--insecure-without-policy";
constexpr char kAt[] = "--at=2026-01-01T00:00:00Z";

class VerifyFilesTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, std::span<const uint8_t> bytes) {
    const std::string path = dir_.Join(name);
    EXPECT_THAT(WriteFileAtomically(path, AsText(bytes)), testing::IsOk());
    return path;
  }

  ExitCode Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "attestation");
    return RunLine(arguments);
  }

  ExitCode RunLine(const std::vector<std::string>& arguments) {
    char* out_text = nullptr;
    char* err_text = nullptr;
    size_t out_size = 0;
    size_t err_size = 0;
    CommandContext context;
    context.out = open_memstream(&out_text, &out_size);
    context.err = open_memstream(&err_text, &err_size);
    const ExitCode code =
        RunCommandLine(AllCommands(), AllGroups(), arguments, context);
    std::fclose(context.out);
    std::fclose(context.err);
    out_.assign(out_text, out_size);
    err_.assign(err_text, err_size);
    std::free(out_text);
    std::free(err_text);
    return code;
  }

  // Signatures only, under the test's own roots.
  ExitCode Verify(std::vector<std::string> files,
                  const std::vector<std::string>& more = {}) {
    files.insert(files.begin(), "verify");
    for (const char* option : {kInsecure, kAt}) {
      files.emplace_back(option);
    }
    files.insert(files.end(), more.begin(), more.end());
    return Run(std::move(files));
  }

  // Report, VCEK, ASK and ARK in files; `ark_` is the root to be named.
  std::vector<std::string> WriteSnp(const SnpTestEvidence& evidence) {
    ark_ = "--insecure-root=" + Write("ark.der", evidence.ark);
    return {Write("report.bin", evidence.report),
            Write("vcek.der", evidence.leaf),
            Write("ask.der", evidence.intermediate), dir_.Join("ark.der")};
  }

  std::vector<std::string> WriteTdx(const IntelTestEvidence& evidence) {
    ark_ = "--insecure-root=" + Write("root.der", IntelSigner::Get().root());
    Write("tcb-info.json", AsBytes(evidence.tcb_info));
    Write("identity.json", AsBytes(evidence.qe_identity));
    Write("signing.pem", AsBytes(evidence.tcb_signing_chain));
    Write("crl-chain.pem", AsBytes(evidence.pck_crl_chain));
    Write("pck-crl.der", evidence.pck_crl);
    Write("root-crl.der", evidence.root_crl);
    return {Write("quote.bin", evidence.quote)};
  }

  TempDir dir_;
  std::string ark_;
  std::string out_;
  std::string err_;
};

const SnpTestEvidence& Snp() {
  static const auto* const kEvidence =
      new SnpTestEvidence(SnpSigner::For(SnpTestProduct::kMilan).Make());
  return *kEvidence;
}

TEST_F(VerifyFilesTest, NothingIsVerifiedWithoutAPolicyUnlessSomebodyInsists) {
  const std::vector<std::string> files = WriteSnp(Snp());
  EXPECT_EQ(Run({"verify", files[0]}), ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("--policy"));
  EXPECT_EQ(Verify(files, {ark_}), ExitCode::kSuccess) << out_;
  EXPECT_THAT(err_, HasSubstr("NO POLICY"));
  EXPECT_THAT(out_, HasSubstr("WITHOUT A POLICY"));
  EXPECT_EQ(Verify(files, {ark_, "--policy=" + dir_.Join("x")}),
            ExitCode::kUsage);
}

TEST_F(VerifyFilesTest, TestRootsPassOnlyIfTheyAreNamed) {
  const std::vector<std::string> files = WriteSnp(Snp());
  EXPECT_EQ(Verify(files), ExitCode::kRefused);
  EXPECT_THAT(out_, HasSubstr("ARK pinned"));
}

TEST_F(VerifyFilesTest, MissingCertificatesAreNotARefusal) {
  const std::vector<std::string> files = WriteSnp(Snp());
  EXPECT_EQ(Verify({files[0]}, {ark_}), ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("missing: VCEK or VLEK"));
  EXPECT_THAT(out_, HasSubstr("constellation collateral fetch"));
  EXPECT_EQ(Verify({files[0], files[1]}, {ark_}), ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("missing: ASK"));
}

TEST_F(VerifyFilesTest, CertificatesAreFoundInFoldersByContent) {
  const std::vector<std::string> files = WriteSnp(Snp());
  Write("notes.txt", AsBytes("not of attestation"));
  EXPECT_EQ(Verify({files[0]}, {ark_, "--collateral=" + dir_.path()}),
            ExitCode::kSuccess)
      << out_;
  EXPECT_EQ(Verify({files[0]}, {ark_, "--collateral=" + dir_.Join("none")}),
            ExitCode::kError);
}

TEST_F(VerifyFilesTest, AChangedReportIsRefused) {
  SnpTestEvidence evidence = Snp();
  evidence.report[0x90] ^= 1U;  // measurement
  std::vector<std::string> files = WriteSnp(evidence);
  EXPECT_EQ(Verify(files, {ark_}), ExitCode::kRefused);
  evidence.report.pop_back();
  files = WriteSnp(evidence);
  EXPECT_EQ(Verify(files, {ark_}), ExitCode::kRefused);
}

// A refusal wins over what is missing: a damaged report without certificates.
TEST_F(VerifyFilesTest, ADamagedReportIsRefusedEvenWithoutCertificates) {
  SnpTestEvidence evidence = Snp();
  evidence.report.resize(800);
  const std::vector<std::string> files = WriteSnp(evidence);
  EXPECT_EQ(Verify({files[0]}, {ark_}), ExitCode::kRefused);
}

TEST_F(VerifyFilesTest, ExtendedReportsBringTheirCertificates) {
  const SnpTestEvidence& evidence = Snp();
  WriteSnp(evidence);
  Bytes bytes = evidence.report;
  const Bytes table = testing::SnpCertificateTable(
      {{testing::kSnpVcekGuid, evidence.leaf},
       {testing::kSnpAskGuid, evidence.intermediate},
       {testing::kSnpArkGuid, evidence.ark}});
  bytes.insert(bytes.end(), table.begin(), table.end());
  EXPECT_EQ(Verify({Write("extended.bin", bytes)}, {ark_}), ExitCode::kSuccess)
      << out_;
}

// Evidence that lies in a folder of collateral was not asked about.
TEST_F(VerifyFilesTest, FoldersBringNoEvidence) {
  const std::vector<std::string> files = WriteSnp(Snp());
  EXPECT_EQ(Verify({files[3]}, {ark_, "--collateral=" + dir_.path()}),
            ExitCode::kSuccess);
  EXPECT_THAT(out_, Not(HasSubstr("SEV-SNP report")));
}

TEST_F(VerifyFilesTest, TheNonceIsCompared) {
  testing::SnpTestReport fields;
  fields.report_data[0] = 0xab;
  fields.report_data[1] = 0xcd;
  const std::vector<std::string> files =
      WriteSnp(SnpSigner::For(SnpTestProduct::kMilan).Make(fields));
  EXPECT_EQ(Verify(files, {ark_, "--nonce=abcd"}), ExitCode::kSuccess) << out_;
  // Neither a part of it nor more than it.
  EXPECT_EQ(Verify(files, {ark_, "--nonce=ab"}), ExitCode::kRefused);
  EXPECT_EQ(Verify(files, {ark_, "--nonce=abcdef"}), ExitCode::kRefused);
  EXPECT_EQ(Verify(files, {ark_, "--nonce=xyz"}), ExitCode::kUsage);
}

TEST_F(VerifyFilesTest, DatesAreThoseOfTheGivenTime) {
  const std::vector<std::string> files = WriteSnp(Snp());
  std::vector<std::string> arguments = files;
  arguments.insert(arguments.begin(), "verify");
  arguments.insert(arguments.end(),
                   {kInsecure, ark_, "--at=2060-01-01T00:00:00Z"});
  EXPECT_EQ(Run(arguments), ExitCode::kRefused);
  arguments.back() = "--at=yesterday";
  EXPECT_EQ(Run(arguments), ExitCode::kUsage);
}

TEST_F(VerifyFilesTest, QuotesAreVerifiedWithAFolderOfCollateral) {
  const std::vector<std::string> files = WriteTdx(IntelSigner::Get().Make());
  const std::string folder = "--collateral=" + dir_.path();
  EXPECT_EQ(Verify(files, {ark_, folder}), ExitCode::kSuccess) << out_;
  EXPECT_THAT(out_, HasSubstr("UpToDate"));
  EXPECT_EQ(Verify(files, {folder}), ExitCode::kRefused);
  // Chain only, and it says so.
  EXPECT_EQ(Verify(files, {ark_}), ExitCode::kSuccess) << out_;
  EXPECT_THAT(out_, HasSubstr("not checked; missing: TCB info"));
}

TEST_F(VerifyFilesTest, MissingPartsOfCollateralAreNamed) {
  const std::vector<std::string> files = WriteTdx(IntelSigner::Get().Make());
  ASSERT_EQ(std::remove(dir_.Join("root-crl.der").c_str()), 0);
  EXPECT_EQ(Verify(files, {ark_, "--collateral=" + dir_.path()}),
            ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("missing: CRL of the root"));
}

TEST_F(VerifyFilesTest, AChangedQuoteIsRefused) {
  IntelTestEvidence evidence = IntelSigner::Get().Make();
  evidence.quote[200] ^= 1U;
  const std::vector<std::string> files = WriteTdx(evidence);
  EXPECT_EQ(Verify(files, {ark_}), ExitCode::kRefused);
}

class QuoteFilesTest : public VerifyFilesTest {
 protected:
  QuoteFilesTest() {
    evidence_ = tpm_.Attest(Bytes(attestation::kUserDataSize, 7)).value();
    const auto attest =
        attestation::ParseAttestUnverified(evidence_.tpm.attest).value();
    nonce_ = "--nonce=" + HexEncode(attest.extra_data);
    nlohmann::json values = {{"bank", "sha256"}};
    for (const attestation::PcrValue& pcr : evidence_.tpm.pcrs) {
      values["pcrs"][std::to_string(pcr.index)] = HexEncode(pcr.sha256);
    }
    values_ = values.dump();
  }

  std::vector<std::string> Files() {
    return {Write("attest", evidence_.tpm.attest),
            Write("signature", evidence_.tpm.signature),
            Write("key", evidence_.tpm.ak_public),
            Write("values.json", AsBytes(values_))};
  }

  testing::SoftwareTpm tpm_;
  attestation::Evidence evidence_;
  std::string nonce_;
  std::string values_;
};

TEST_F(QuoteFilesTest, FourFilesMakeAQuote) {
  EXPECT_EQ(Verify(Files(), {nonce_}), ExitCode::kSuccess) << out_;
  EXPECT_EQ(Verify(Files(), {"--nonce=00"}), ExitCode::kRefused);
}

TEST_F(QuoteFilesTest, EachMissingFileIsNamed) {
  const std::vector<std::string> files = Files();
  const char* const wanted[] = {"", "missing: signature",
                                "missing: attestation key",
                                "missing: PCR values"};
  for (size_t left_out = 1; left_out < files.size(); ++left_out) {
    std::vector<std::string> given = files;
    given.erase(given.begin() + static_cast<ptrdiff_t>(left_out));
    EXPECT_EQ(Verify(given, {nonce_}), ExitCode::kError) << out_;
    EXPECT_THAT(out_, HasSubstr(wanted[left_out]));
  }
  EXPECT_EQ(Verify({files[1], files[2], files[3]}), ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("proves nothing alone"));
}

TEST_F(QuoteFilesTest, OtherValuesAreRefused) {
  values_.replace(values_.find("\"4\":\"") + 5, 2, "ff");
  EXPECT_EQ(Verify(Files(), {nonce_}), ExitCode::kRefused);
}

TEST_F(QuoteFilesTest, ALogThatDoesNotExplainTheRegistersIsRefused) {
  std::vector<std::string> files = Files();
  files.push_back(
      Write("log", testing::EventLogBuilder({attestation::kTpmAlgSha256})
                       .Add(4, 13, "another loader")
                       .bytes()));
  EXPECT_EQ(Verify(files, {nonce_}), ExitCode::kRefused);
  EXPECT_THAT(out_, HasSubstr("PCR4"));
}

TEST_F(VerifyFilesTest, UnknownFilesNeverMakeSuccess) {
  std::vector<std::string> files = WriteSnp(Snp());
  files.push_back(Write("notes.txt", AsBytes("hello")));
  EXPECT_EQ(Verify(files, {ark_}), ExitCode::kError);
  EXPECT_EQ(Verify({files.back()}), ExitCode::kError);
  EXPECT_EQ(Verify({dir_.Join("absent")}), ExitCode::kError);
}

TEST_F(VerifyFilesTest, CertificatesAloneAreFollowedToTheirRoot) {
  const std::vector<std::string> files = WriteSnp(Snp());
  EXPECT_EQ(Verify({files[1], files[2], files[3]}, {ark_}), ExitCode::kSuccess)
      << out_;
  EXPECT_EQ(Verify({files[1], files[2], files[3]}), ExitCode::kRefused);
  EXPECT_EQ(Verify({files[1]}, {ark_}), ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("missing: certificate of the issuer"));
}

TEST_F(VerifyFilesTest, JunitHasACaseForEveryRow) {
  SnpTestEvidence evidence = Snp();
  evidence.report[0x90] ^= 1U;
  const std::vector<std::string> files = WriteSnp(evidence);
  EXPECT_EQ(Verify(files, {ark_, "-o", "junit"}), ExitCode::kRefused);
  EXPECT_THAT(out_, HasSubstr("<testsuites name="));
  EXPECT_THAT(out_, HasSubstr("failures=\"1\" errors=\"0\""));
  EXPECT_THAT(out_, HasSubstr("<failure message="));
  EXPECT_THAT(out_, HasSubstr("</testsuites>"));
  EXPECT_EQ(Verify({dir_.Join("report.bin")}, {ark_, "-o", "junit"}),
            ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("<error message="));
}

TEST_F(VerifyFilesTest, JsonSaysWhatTheExitCodeSays) {
  const std::vector<std::string> files = WriteSnp(Snp());
  EXPECT_EQ(Verify(files, {ark_, "-o", "json"}), ExitCode::kSuccess);
  nlohmann::json document = nlohmann::json::parse(out_);
  EXPECT_EQ(document["verdict"], "verified");
  EXPECT_EQ(document["policy"], false);
  EXPECT_EQ(Verify(files, {"-o", "json"}), ExitCode::kRefused);
  document = nlohmann::json::parse(out_);
  EXPECT_EQ(document["verdict"], "refused");
  EXPECT_GE(document["units"][0]["checks"].size(), 18U);
}

TEST_F(VerifyFilesTest, CollateralIsVerifiedAgainstPinnedRootsOnly) {
  WriteSnp(Snp());
  EXPECT_EQ(RunLine({"collateral", "verify", dir_.path(), kAt}),
            ExitCode::kRefused);
  EXPECT_THAT(out_, HasSubstr("nobody vouches for this root"));
  TempDir empty;
  EXPECT_EQ(RunLine({"collateral", "verify", empty.path()}), ExitCode::kError);
}

TEST_F(VerifyFilesTest, FetchingOfflineSaysWhatIsMissing) {
  const std::vector<std::string> files = WriteSnp(Snp());
  const std::string cache = "--cache=" + dir_.Join("cache");
  EXPECT_EQ(RunLine({"collateral", "fetch", files[0], "--offline", cache}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("report.bin"));
  EXPECT_EQ(RunLine({"collateral", "fetch", files[1], "--offline", cache}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("none of the files is"));
  EXPECT_EQ(RunLine({"collateral", "bundle", cache}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("empty"));
}

TEST_F(VerifyFilesTest, ShowFailsForWhatItCannotRead) {
  EXPECT_EQ(Run({"show", Write("x", AsBytes("hello"))}), ExitCode::kError);
  EXPECT_EQ(Run({"show", Write("report", Snp().report)}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("UNVERIFIED"));
  EXPECT_EQ(Run({"show", dir_.Join("report"), "-o", "junit"}),
            ExitCode::kUsage);
}

// Constellation's own evidence needs policy and nonce: nothing else says whose
// TPM it is.
TEST_F(QuoteFilesTest, OwnEvidenceIsAppraised) {
  constexpr uint32_t kImagePcrs[] = {4, 9, 11};
  attestation::Profile profile;
  profile.name = "image";
  profile.variant = std::string(attestation::kVariantQemuVtpm);
  for (const uint32_t index : attestation::kRequiredPcrs) {
    profile.pcrs[index] = {};
  }
  for (const uint32_t index : kImagePcrs) {
    profile.pcrs[index] = crypto::Sha256({});
    tpm_.SetPcr(index, profile.pcrs[index]);
  }
  tpm_.SetPcr(attestation::kClusterPcr, crypto::Sha256({}));
  const auto policy = attestation::Policy::Create(
      {profile}, {{.node_name = "node",
                   .role = std::string(attestation::kRoleWorker),
                   .tpm = tpm_.enrolled()}});
  ASSERT_THAT(policy, testing::IsOk());
  const Bytes user_data(attestation::kUserDataSize, 7);
  const std::string serialised =
      attestation::EvidenceToProto(tpm_.Attest(user_data).value())
          .SerializeAsString();
  const std::string file = Write("evidence", AsBytes(serialised));
  const std::string policy_option =
      "--policy=" + Write("policy.json", AsBytes(policy->ToJson()));
  EXPECT_EQ(
      Run({"verify", file, policy_option, "--nonce=" + HexEncode(user_data)}),
      ExitCode::kSuccess)
      << out_ << err_;
  EXPECT_THAT(out_, HasSubstr("rests on"));
  EXPECT_EQ(Run({"verify", file, policy_option, "--nonce=00"}),
            ExitCode::kRefused);
  EXPECT_EQ(Run({"verify", file, policy_option}), ExitCode::kError);
  EXPECT_EQ(Verify({file}), ExitCode::kError);
}

// An enclave's quote: a variant whose evidence is one layer.
class PolicyFilesTest : public VerifyFilesTest {
 protected:
  PolicyFilesTest() {
    testing::IntelTestQuote quote;
    quote.version = 3;
    quote.body = testing::IntelTestBody::kSgx;
    quote.sgx.mr_enclave[0] = 0x11;
    quote.sgx.report_data[0] = 0xab;
    files_ = WriteTdx(IntelSigner::Get().Make(quote));
    profile_.name = "enclave";
    profile_.variant = "intel-sgx";
    attestation::SgxPolicy& policy = profile_.sgx.emplace().policy;
    policy.tcb.accepted_statuses = {attestation::TcbStatus::kUpToDate};
    policy.tcb.minimum_evaluation_data_number = 18;
    policy.tcb.insecure_roots = {IntelSigner::Get().RootSpkiSha256()};
    policy.mr_enclave = {quote.sgx.mr_enclave};
  }

  ExitCode VerifyPolicy(const std::vector<std::string>& more) {
    const auto policy = attestation::Policy::Create({profile_}, {});
    EXPECT_THAT(policy, testing::IsOk());
    std::vector<std::string> arguments = {
        "verify", files_[0], kAt, "--collateral=" + dir_.path(),
        "--policy=" + Write("policy.json", AsBytes(policy->ToJson()))};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(std::move(arguments));
  }

  std::vector<std::string> files_;
  attestation::Profile profile_;
};

TEST_F(PolicyFilesTest, WhatThePolicyDemandsIsVerified) {
  EXPECT_EQ(VerifyPolicy({"--nonce=ab"}), ExitCode::kSuccess) << out_ << err_;
  EXPECT_THAT(out_, HasSubstr("Profile: enclave"));
}

TEST_F(PolicyFilesTest, EvidenceMustBeFresh) {
  EXPECT_EQ(VerifyPolicy({}), ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("missing: --nonce"));
  EXPECT_EQ(VerifyPolicy({"--nonce=cd"}), ExitCode::kRefused);
  EXPECT_EQ(VerifyPolicy({"--insecure-any-nonce"}), ExitCode::kSuccess);
}

TEST_F(PolicyFilesTest, OtherEnclavesAreRefused) {
  profile_.sgx->policy.mr_enclave[0][0] = 0x12;
  EXPECT_EQ(VerifyPolicy({"--nonce=ab"}), ExitCode::kRefused);
  EXPECT_THAT(out_, HasSubstr("MRENCLAVE"));
}

TEST_F(PolicyFilesTest, TestRootsPassOnlyIfThePolicyNamesThem) {
  profile_.sgx->policy.tcb.insecure_roots.clear();
  EXPECT_EQ(VerifyPolicy({"--nonce=ab"}), ExitCode::kRefused);
}

TEST_F(PolicyFilesTest, PoliciesNeedCollateral) {
  ASSERT_EQ(std::remove(dir_.Join("tcb-info.json").c_str()), 0);
  ASSERT_EQ(std::remove(dir_.Join("identity.json").c_str()), 0);
  EXPECT_EQ(VerifyPolicy({"--nonce=ab"}), ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("missing: TCB info"));
}

TEST_F(PolicyFilesTest, ExpiredProfilesAcceptNothing) {
  profile_.not_after = absl::FromUnixSeconds(1600000000);
  EXPECT_EQ(VerifyPolicy({"--nonce=ab"}), ExitCode::kRefused);
  EXPECT_THAT(out_, HasSubstr("notAfter"));
}

// Certificates are no evidence, however genuine.
TEST_F(PolicyFilesTest, CollateralAloneIsNotVerifiedByAPolicy) {
  files_[0] = dir_.Join("root.der");
  EXPECT_EQ(VerifyPolicy({"--nonce=ab", ark_}), ExitCode::kError);
  EXPECT_EQ(VerifyPolicy({"--nonce=ab", ark_, "--partial"}), ExitCode::kError);
}

TEST(FileReportTest, NothingCheckedIsNeverSuccess) {
  FileReport report;
  EXPECT_EQ(report.verdict(), RowVerdict::kUnchecked);
  report.units.emplace_back();
  EXPECT_EQ(report.verdict(), RowVerdict::kUnchecked);
  report.units[0].rows.push_back({"a", "b", "", "c", RowVerdict::kInfo, ""});
  EXPECT_EQ(report.verdict(), RowVerdict::kUnchecked);
  EXPECT_THAT(ToStatus(report),
              testing::StatusIs(absl::StatusCode::kUnavailable));
}

TEST(FileReportTest, HostileTextIsCleanInEveryForm) {
  FileReport report;
  report.units.push_back(
      {.name = "<f&\x1b>",
       .what = "w",
       .rows = {{"l\x07", "n\"", "e<", "g\x1b[2J", RowVerdict::kFailed, "&"}}});
  for (const std::string& text :
       {RenderTable(report), RenderJson(report), RenderJunit(report)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\x07'), std::string::npos);
  }
  EXPECT_THAT(RenderJunit(report), Not(HasSubstr("<f&")));
}

}  // namespace
}  // namespace constellation::cli
