/*
 * npu.pool
 *
 * C99 without dependencies but libc and libm, for a little-endian processor whose floats are IEEE 754's. Compile it
 * with -ffp-contract=off: results are then those of the accelerator to the bit.
 * in[0]: f32 1x8x6x6
 * out[0]: f32 1x8x3x3
 * constants: 0 bytes; tmp: 0 bytes, any contents.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint8_t sp[16992];
static uint8_t acc[16480];  /* rows of 8 lanes of 32 bits */

static float get_f32(const uint8_t *at)
{
    float value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void put_f32(uint8_t *at, float value)
{
    memcpy(at, &value, sizeof value);
}

/* What is not a number wins. */
static float larger(float a, float b)
{
    return a > b || a != a ? a : b;
}

/*
 * npu.pool
 *   /model/pool
 */
static void npu_program_npu_pool(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    (void)constants, (void)tmp, (void)in, (void)out;
    /* load [rows0] <- [x0] dims=(2@24:192, 6@4:32, 8@144:4) */
    for (int64_t i2 = 0; i2 < 2; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 8; ++i0) {
                memcpy(sp + i2 * 192 + i1 * 32 + i0 * 4,
                       in[0] + i2 * 24 + i1 * 4 + i0 * 144, 4);
            }

    /* win [sums0] = max [rows0] m=1x3 k=2x2 channels=8 am=(384, 64) ak=(192, 32) */
    for (int64_t m0 = 0; m0 < 3; ++m0)
        for (int64_t c = 0; c < 8; ++c) {
            float total = get_f32(sp + m0 * 64 + c * 4);
            for (int64_t k2 = 0; k2 < 2; ++k2)
                for (int64_t k1 = 0; k1 < 2; ++k1) {
                    const float value = get_f32(sp + m0 * 64 + k2 * 192 + k1 * 32 + c * 4);
                    total = larger(total, value);
                }
            put_f32(acc + 4 * ((m0) * 8 + c), total);
        }

    /* vec f32[results0]{0, 4, 12} = f32[sums0]{0, 1, 1} shape=1x3x8 */
    for (int64_t i1 = 0; i1 < 3; ++i1)
        for (int64_t i0 = 0; i0 < 8; ++i0) {
            float t = get_f32(acc + 4 * ((i1) * 8 + i0));
            put_f32(sp + 16384 + i1 * 4 + i0 * 12, t);
        }

    /* store [y] <- [results0] dims=(8@36:12, 3@4:4) */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 3; ++i0) {
            memcpy(out[0] + i1 * 36 + i0 * 4,
                   sp + 16384 + i1 * 12 + i0 * 4, 4);
        }

    /* load [rows1] <- [x0 + 48] dims=(2@24:192, 6@4:32, 8@144:4) */
    for (int64_t i2 = 0; i2 < 2; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 8; ++i0) {
                memcpy(sp + 1024 + i2 * 192 + i1 * 32 + i0 * 4,
                       in[0] + 48 + i2 * 24 + i1 * 4 + i0 * 144, 4);
            }

    /* win [sums1] = max [rows1] m=1x3 k=2x2 channels=8 am=(384, 64) ak=(192, 32) */
    for (int64_t m0 = 0; m0 < 3; ++m0)
        for (int64_t c = 0; c < 8; ++c) {
            float total = get_f32(sp + 1024 + m0 * 64 + c * 4);
            for (int64_t k2 = 0; k2 < 2; ++k2)
                for (int64_t k1 = 0; k1 < 2; ++k1) {
                    const float value = get_f32(sp + 1024 + m0 * 64 + k2 * 192 + k1 * 32 + c * 4);
                    total = larger(total, value);
                }
            put_f32(acc + 4 * ((512 + m0) * 8 + c), total);
        }

    /* vec f32[results1]{0, 4, 12} = f32[sums1]{0, 1, 1} shape=1x3x8 */
    for (int64_t i1 = 0; i1 < 3; ++i1)
        for (int64_t i0 = 0; i0 < 8; ++i0) {
            float t = get_f32(acc + 4 * ((512 + i1) * 8 + i0));
            put_f32(sp + 16896 + i1 * 4 + i0 * 12, t);
        }

    /* store [y + 12] <- [results1] dims=(8@36:12, 3@4:4) */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 3; ++i0) {
            memcpy(out[0] + 12 + i1 * 36 + i0 * 4,
                   sp + 16896 + i1 * 12 + i0 * 4, 4);
        }

    /* load [rows0] <- [x0 + 96] dims=(2@24:192, 6@4:32, 8@144:4) */
    for (int64_t i2 = 0; i2 < 2; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 8; ++i0) {
                memcpy(sp + i2 * 192 + i1 * 32 + i0 * 4,
                       in[0] + 96 + i2 * 24 + i1 * 4 + i0 * 144, 4);
            }

    /* win [sums0] = max [rows0] m=1x3 k=2x2 channels=8 am=(384, 64) ak=(192, 32) */
    for (int64_t m0 = 0; m0 < 3; ++m0)
        for (int64_t c = 0; c < 8; ++c) {
            float total = get_f32(sp + m0 * 64 + c * 4);
            for (int64_t k2 = 0; k2 < 2; ++k2)
                for (int64_t k1 = 0; k1 < 2; ++k1) {
                    const float value = get_f32(sp + m0 * 64 + k2 * 192 + k1 * 32 + c * 4);
                    total = larger(total, value);
                }
            put_f32(acc + 4 * ((m0) * 8 + c), total);
        }

    /* vec f32[results0]{0, 4, 12} = f32[sums0]{0, 1, 1} shape=1x3x8 */
    for (int64_t i1 = 0; i1 < 3; ++i1)
        for (int64_t i0 = 0; i0 < 8; ++i0) {
            float t = get_f32(acc + 4 * ((i1) * 8 + i0));
            put_f32(sp + 16384 + i1 * 4 + i0 * 12, t);
        }

    /* store [y + 24] <- [results0] dims=(8@36:12, 3@4:4) */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 3; ++i0) {
            memcpy(out[0] + 24 + i1 * 36 + i0 * 4,
                   sp + 16384 + i1 * 12 + i0 * 4, 4);
        }

}

void npu_program(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    npu_program_npu_pool(constants, tmp, in, out);
}
