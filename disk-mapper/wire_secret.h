// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_WIRE_SECRET_H_
#define CONSTELLATION_DISK_MAPPER_WIRE_SECRET_H_

#include <cstdint>
#include <string>

#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::disk_mapper {

// Takes a secret out of a message's field; what stays there is overwritten.
inline SecretBytes TakeSecret(std::string& field) {
  SecretBytes secret(AsBytes(field));
  Wipe({reinterpret_cast<uint8_t*>(field.data()), field.size()});
  return secret;
}

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_WIRE_SECRET_H_
