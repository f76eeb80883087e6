// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_TESTING_ABSENT_CLUSTER_H_
#define CONSTELLATION_KUBERNETES_TESTING_ABSENT_CLUSTER_H_

#include <signal.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/hex.h"
#include "crypto/tls_identity.h"
#include "kubernetes/kubeconfig.h"

// What tests of services need that start without a cluster. Inline, for few
// programs use it.
namespace constellation::kubernetes::testing {

// Writes a valid kubeconfig to `path` whose API server nobody runs. Errors are
// those of the parts.
inline absl::Status WriteKubeconfigOfNobody(const std::string& path) {
  KubeconfigParameters parameters;
  parameters.cluster_name = parameters.user_name = parameters.context_name =
      "c";
  parameters.server = "https://127.0.0.1:1";  // nobody listens there
  parameters.ca_pem = crypto::CreateTlsIdentity()->certificate_pem;
  parameters.token = SecretBytes(AsBytes(std::string_view("t")));
  return WriteFileAtomically(path, *BuildKubeconfig(parameters));
}

// Runs `serve` in a thread and tells this process to end (SIGTERM), while it
// most likely serves; what `serve` returned. The program must have held back
// the signal before main() (EndSignals).
inline absl::Status ServeUntilTerminated(
    const std::function<absl::Status()>& serve) {
  absl::Status status = absl::UnknownError("still serving");
  std::thread thread([&] { status = serve(); });
  absl::SleepFor(absl::Milliseconds(500));
  const bool sent = kill(getpid(), SIGTERM) == 0;
  thread.join();
  return sent ? status : absl::InternalError("SIGTERM was not sent");
}

}  // namespace constellation::kubernetes::testing

#endif  // CONSTELLATION_KUBERNETES_TESTING_ABSENT_CLUSTER_H_
