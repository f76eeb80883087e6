// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/testing/scripted_tls_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <charconv>
#include <csignal>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace constellation::kubernetes::testing {
namespace {

constexpr int kPollMilliseconds = 20;

template <typename Type, void (*Free)(Type*)>
struct Deleter {
  void operator()(Type* value) const { Free(value); }
};

template <typename Type, void (*Free)(Type*)>
using Handle = std::unique_ptr<Type, Deleter<Type, Free>>;

void UseIdentity(SSL_CTX* context, const crypto::TlsIdentity& identity) {
  const auto bio = [](const std::string& text) {
    return Handle<BIO, BIO_free_all>(
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  };
  const Handle<X509, X509_free> certificate(PEM_read_bio_X509(
      bio(identity.certificate_pem).get(), nullptr, nullptr, nullptr));
  const Handle<EVP_PKEY, EVP_PKEY_free> key(PEM_read_bio_PrivateKey(
      bio(identity.private_key_pem).get(), nullptr, nullptr, nullptr));
  EXPECT_EQ(SSL_CTX_use_certificate(context, certificate.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key.get()), 1);
}

// Whether `request` has its empty line and as much body as it announces.
bool IsWhole(std::string_view request) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t end = request.find(kEnd);
  if (end == std::string_view::npos) return false;
  const size_t field = request.substr(0, end).find(kLength);
  if (field == std::string_view::npos) return true;
  size_t length = 0;
  const char* const digits = request.data() + field + kLength.size();
  std::from_chars(digits, request.data() + end, length);
  return request.size() - end - kEnd.size() >= length;
}

}  // namespace

ScriptedTlsServer::ScriptedTlsServer(const crypto::TlsIdentity& identity,
                                     std::vector<Answer> answers)
    : answers_(std::move(answers)),
      context_(SSL_CTX_new(TLS_server_method())),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  UseIdentity(context_.get(), identity);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener_.get(), any, length), 0);
  EXPECT_EQ(::listen(listener_.get(), 8), 0);
  EXPECT_EQ(::getsockname(listener_.get(), any, &length), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

ScriptedTlsServer::~ScriptedTlsServer() {
  thread_.request_stop();
  thread_.join();
}

std::string ScriptedTlsServer::server() const {
  return fmt::format("https://127.0.0.1:{}", port_);
}

std::vector<std::string> ScriptedTlsServer::requests() const {
  absl::MutexLock lock(&mutex_);
  return requests_;
}

void ScriptedTlsServer::RequireClientCertificate(const std::string& ca_pem) {
  const Handle<BIO, BIO_free_all> bio(
      BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
  const Handle<X509, X509_free> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  EXPECT_EQ(X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()),
                                certificate.get()),
            1);
  SSL_CTX_set_verify(context_.get(),
                     SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     nullptr);
}

void ScriptedTlsServer::Run(const std::stop_token& stop) {
  // The client hangs up as it likes; only this thread is to survive that.
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr);
  for (size_t next = 0; next < answers_.size();) {
    pollfd waiting{listener_.get(), POLLIN, 0};
    while (::poll(&waiting, 1, kPollMilliseconds) == 0) {
      if (stop.stop_requested()) return;
    }
    const UniqueFd connection(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    next = Serve(connection, next, stop);
  }
}

size_t ScriptedTlsServer::Serve(const UniqueFd& connection, size_t first,
                                const std::stop_token& stop) {
  const Handle<SSL, SSL_free> tls(SSL_new(context_.get()));
  SSL_set_fd(tls.get(), connection.get());
  size_t next = first;
  if (SSL_accept(tls.get()) != 1) return next + 1;
  while (next < answers_.size()) {
    const Answer& answer = answers_[next++];
    std::string head;
    char piece[4096];
    // All of it, the body too: closing with something unread resets the
    // connection, and then the answer may be lost.
    while (!IsWhole(head)) {
      const int count = SSL_read(tls.get(), piece, sizeof(piece));
      if (count <= 0) return next;
      head.append(piece, static_cast<size_t>(count));
    }
    {
      absl::MutexLock lock(&mutex_);
      requests_.push_back(head);
    }
    if (!answer.octets.empty()) {
      (void)SSL_write(tls.get(), answer.octets.data(),
                      static_cast<int>(answer.octets.size()));
    }
    while (answer.hold && !stop.stop_requested()) {
      absl::SleepFor(absl::Milliseconds(kPollMilliseconds));
    }
    if (answer.more) continue;
    if (!answer.silent) (void)SSL_shutdown(tls.get());
    break;
  }
  return next;
}

}  // namespace constellation::kubernetes::testing
