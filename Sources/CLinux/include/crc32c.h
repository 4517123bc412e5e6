// crc32c.h: CRC-32C by the processor's own instruction, where it has one.
//
// The caller asks `martlet_crc32c_available` once and brings a table for the other case.

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

static inline int martlet_crc32c_available(void) { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) static inline uint32_t martlet_crc32c(
    uint32_t crc, const void *bytes, size_t size) {
  const uint8_t *next = (const uint8_t *)bytes;
  uint64_t wide = crc;
  for (; size >= 8; size -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = (uint32_t)wide;
  for (; size > 0; size -= 1, next += 1) crc = __builtin_ia32_crc32qi(crc, *next);
  return crc;
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

static inline int martlet_crc32c_available(void) { return 1; }

static inline uint32_t martlet_crc32c(uint32_t crc, const void *bytes, size_t size) {
  const uint8_t *next = (const uint8_t *)bytes;
  for (; size >= 8; size -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    crc = __builtin_arm_crc32cd(crc, word);
  }
  for (; size > 0; size -= 1, next += 1) crc = __builtin_arm_crc32cb(crc, *next);
  return crc;
}

#else

static inline int martlet_crc32c_available(void) { return 0; }
static inline uint32_t martlet_crc32c(uint32_t crc, const void *bytes, size_t size) {
  (void)bytes;
  (void)size;
  return crc;
}

#endif
