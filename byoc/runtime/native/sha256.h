// SHA-256 (FIPS 180-4), with the processor's own instructions where it has them.
#ifndef BYOC_RUNTIME_SHA256_H_
#define BYOC_RUNTIME_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace byoc {

using Digest = std::array<uint8_t, 32>;

Digest Sha256(const uint8_t* data, size_t bytes);

// The same without the processor's instructions; tests hold one against the other.
Digest Sha256Portable(const uint8_t* data, size_t bytes);

std::string Hex(const Digest& digest);

}  // namespace byoc

#endif  // BYOC_RUNTIME_SHA256_H_
