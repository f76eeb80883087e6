// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/testing/raw_call.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <utility>

#include "absl/time/clock.h"
#include "attestation/channel/transport/grpc_status.h"

namespace constellation::attestation::testing {
namespace {

// `contents` as the length-delimited field 1 of a message.
std::string AsFirstField(const std::string& contents) {
  std::string field("\x0a");
  size_t size = contents.size();
  while (size >= 0x80U) {
    field.push_back(static_cast<char>((size & 0x7FU) | 0x80U));
    size >>= 7U;
  }
  field.push_back(static_cast<char>(size));
  return field + contents;
}

}  // namespace

absl::Status RawCall(const std::shared_ptr<grpc::Channel>& channel,
                     std::string_view method,
                     const std::vector<std::string>& payloads,
                     absl::Duration patience) {
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, std::string(method), &queue);
  int tag = 0;
  void* done = nullptr;
  bool ok = false;
  call->StartCall(&tag);
  queue.Next(&done, &ok);
  for (const std::string& payload : payloads) {
    if (!ok) break;
    const grpc::Slice slice(payload);
    call->Write(grpc::ByteBuffer(&slice, 1), &tag);
    queue.Next(&done, &ok);
  }
  if (ok) {
    call->WritesDone(&tag);
    queue.Next(&done, &ok);
  }
  do {
    grpc::ByteBuffer answer;
    call->Read(&answer, &tag);
    queue.Next(&done, &ok);
  } while (ok);
  grpc::Status status;
  call->Finish(&status, &tag);
  queue.Next(&done, &ok);
  queue.Shutdown();
  return FromGrpcStatus(status);
}

std::string RandomText(std::mt19937& generator, size_t size) {
  std::string text(size, '\0');
  for (char& c : text) {
    c = static_cast<char>(generator());
  }
  return text;
}

std::vector<std::string> HostileMessages(const std::string& good) {
  std::mt19937 generator(20261121);
  std::vector<std::string> messages;
  for (int i = 0; i < 40; ++i) {
    messages.push_back(RandomText(generator, 1 + generator() % 600));
  }
  for (size_t part = 0; part < 20; ++part) {
    messages.push_back(good.substr(0, good.size() * part / 20));
  }
  for (int i = 0; i < 40 && !good.empty(); ++i) {
    std::string spoilt = good;
    spoilt[generator() % spoilt.size()] ^=
        static_cast<char>(1U << (generator() % 8));
    messages.push_back(std::move(spoilt));
  }
  std::string nested;
  for (int i = 0; i < 2000; ++i) {
    nested = AsFirstField(nested);
  }
  messages.push_back(std::move(nested));
  messages.emplace_back("\x0a\xff\xff\xff\xff\x0f", 6);  // 4 GiB to follow
  messages.emplace_back("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
  messages.push_back(AsFirstField(std::string(100 << 10, 'x')));
  return messages;
}

}  // namespace constellation::attestation::testing
