// SPDX-License-Identifier: Apache-2.0
//
// Verification is pure: many threads that share policy, collateral and caches
// come to the same rows as one thread alone, and none of it needs a system call
// that could reach a file or a network. Preset "tsan" runs the first under
// ThreadSanitizer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/testing/composed_node.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::kComposedNow;
using ::testing::SizeIs;

constexpr std::array kVariants = {
    "gcp-sev-snp", "aws-sev-snp", "azure-sev-snp", "gcp-tdx",
    "azure-tdx",   "gcp-sev-es",  "aws-nitro-tpm"};

// One node's evidence, whole and with one bit of the quote turned, and what a
// thread alone found.
struct Case {
  std::string variant;
  Evidence good;
  Evidence spoilt;
  Bytes user_data;
  Policy policy;
  AppraisalCollateral collateral;
  std::vector<CheckRow> good_rows;
  std::vector<CheckRow> spoilt_rows;
};

Appraisal Judge(const Case& one, const Evidence& evidence,
                SnpChainCache* snp_cache = nullptr,
                IntelVerificationCache* intel_cache = nullptr) {
  AppraisalCollateral collateral = one.collateral;
  collateral.snp_cache = snp_cache;
  collateral.intel_cache = intel_cache;
  return Appraise(evidence, one.user_data, ClusterState::None(), one.policy,
                  collateral, kComposedNow);
}

std::vector<Case> MakeCases() {
  std::vector<Case> cases;
  for (const char* variant : kVariants) {
    const ComposedNode node(variant);
    Case one{.variant = variant,
             .good = node.Evidence(),
             .spoilt = node.Evidence(),
             .user_data = node.user_data,
             .policy = Policy::Create({node.Profile()}, {}).value(),
             .collateral = node.Collateral(),
             .good_rows = {},
             .spoilt_rows = {}};
    one.spoilt.tpm.signature.back() ^= 1U;
    const Appraisal good = Judge(one, one.good);
    EXPECT_TRUE(good.accepted) << variant << ": " << good.Failures();
    one.good_rows = good.rows;
    const Appraisal spoilt = Judge(one, one.spoilt);
    EXPECT_FALSE(spoilt.accepted) << variant;
    one.spoilt_rows = spoilt.rows;
    cases.push_back(std::move(one));
  }
  return cases;
}

TEST(AppraisalThreadsTest, ManyThreadsComeToTheSameRows) {
  const std::vector<Case> cases = MakeCases();
  ASSERT_THAT(cases, SizeIs(kVariants.size()));
  // So small that entries are pushed out while others look for them.
  SnpChainCache snp_cache(2);
  IntelVerificationCache intel_cache(2);
  constexpr size_t kThreads = 4;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t step = 0; step < 2 * cases.size(); ++step) {
        const Case& one = cases[(thread * 2 + step) % cases.size()];
        EXPECT_EQ(Judge(one, one.good, &snp_cache, &intel_cache).rows,
                  one.good_rows)
            << one.variant;
        EXPECT_EQ(Judge(one, one.spoilt, &snp_cache, &intel_cache).rows,
                  one.spoilt_rows)
            << one.variant;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

// From here on this process may use memory, wait, draw random numbers, write to
// a descriptor it has, and end; anything else ends it.
bool ForbidInputAndOutput() {
  std::vector<sock_filter> program = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const int call :
       {SYS_write, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise,
        SYS_brk, SYS_futex, SYS_clock_gettime, SYS_getpid, SYS_gettid,
        SYS_getrandom, SYS_exit_group}) {
    program.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  const sock_fprog filter = {.len = static_cast<unsigned short>(program.size()),
                             .filter = program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

constexpr int kAsItShould = 0;
constexpr int kNoFilter = 3;
constexpr int kWrongVerdict = 4;

// Runs `act` in a child that may do nothing but compute; gives how it ended.
int InIsolation(const std::function<bool()>& act) {
  const pid_t child = fork();
  if (child == 0) {
    if (!ForbidInputAndOutput()) {
      _exit(kNoFilter);
    }
    _exit(act() ? kAsItShould : kWrongVerdict);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST(AppraisalIsolationTest, NeedsNoInputOrOutput) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers make system calls of their own";
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "sanitizers make system calls of their own";
#endif
#endif
  // OpenSSL reads its configuration once; making the cases does that.
  const std::vector<Case> cases = MakeCases();
  const int status = InIsolation([&cases] {
    bool right = true;
    for (const Case& one : cases) {
      right = right && Judge(one, one.good).accepted &&
              !Judge(one, one.spoilt).accepted;
    }
    return right;
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoFilter) {
    GTEST_SKIP() << "NO SECCOMP: this kernel takes no filter";
  }
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// That the filter would have told.
TEST(AppraisalIsolationTest, AFileWouldHaveBeenNoticed) {
  const int status =
      InIsolation([] { return access("/etc/hostname", R_OK) == 0; });
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoFilter) {
    GTEST_SKIP() << "NO SECCOMP: this kernel takes no filter";
  }
  EXPECT_TRUE(WIFSIGNALED(status));
}

}  // namespace
}  // namespace constellation::attestation
