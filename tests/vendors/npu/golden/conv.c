/*
 * npu.gemm
 *
 * C99 without dependencies but libc and libm, for a little-endian processor whose floats are IEEE 754's. Compile it
 * with -ffp-contract=off: results are then those of the accelerator to the bit.
 * in[0]: u8 1x4x6x6
 * out[0]: s8 1x8x6x6
 * constants: 352 bytes; tmp: 0 bytes, any contents.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint8_t sp[36896];
static uint8_t acc[16768];  /* rows of 8 lanes of 32 bits */

static float get_f32(const uint8_t *at)
{
    float value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int32_t get_s8(const uint8_t *at)
{
    return *at < 128 ? *at : *at - 256;
}

static int32_t get_u8(const uint8_t *at)
{
    return *at;
}

/* Rounds value / scale half to even, adds zero, and keeps within least and most. */
static uint8_t wide_quantised(double value, double scale, int32_t zero, int32_t least, int32_t most)
{
    const double scaled = value / scale;
    const double above = scaled > -1024.0 ? scaled : -1024.0;
    const double within = above < 1024.0 ? above : 1024.0;
    const int32_t whole = (int32_t)lrint(within) + zero;
    return (uint8_t)(whole < least ? least : whole > most ? most : whole);
}

static int32_t get_s32(const uint8_t *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void put_s32(uint8_t *at, int32_t value)
{
    memcpy(at, &value, sizeof value);
}

/* The lower `size` bytes of `bits`, least first. */
static void put_bits(uint8_t *at, uint32_t bits, int size)
{
    for (int i = 0; i < size; ++i)
        at[i] = (uint8_t)(bits >> (8 * i));
}

/*
 * npu.gemm
 *   /model/gemm
 */
static void npu_program_npu_gemm(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    (void)constants, (void)tmp, (void)in, (void)out;
    /* load [weights] <- [const] size=1 dims=(288@1:1) */
    for (int64_t i0 = 0; i0 < 288; ++i0) {
        memcpy(sp + 32768 + i0,
               constants + i0, 1);
    }

    /* load [biases] <- [const + 320] dims=(8@4:4) */
    for (int64_t i0 = 0; i0 < 8; ++i0) {
        memcpy(sp + 36864 + i0 * 4,
               constants + 320 + i0 * 4, 4);
    }

    /* load [rows0] <- [x0] size=1 dims=(1+3+0@6:32, 1+6+1@1:4, 4@36:1) fill=117 */
    for (int64_t i2 = 0; i2 < 4; ++i2)
        for (int64_t i1 = 0; i1 < 8; ++i1)
            for (int64_t i0 = 0; i0 < 4; ++i0) {
                put_bits(sp + i2 * 32 + i1 * 4 + i0, 0x75u, 1);
            }

    for (int64_t i2 = 0; i2 < 3; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 4; ++i0) {
                memcpy(sp + 36 + i2 * 32 + i1 * 4 + i0,
                       in[0] + i2 * 6 + i1 + i0 * 36, 1);
            }

    /* mm [sums0] = [rows0] * [weights] m=2x6 n=8 k=3x3x4 am=(32, 4) ak=(32, 4) types=(u8, s8) zero=(117, 0) */
    for (int64_t m1 = 0; m1 < 2; ++m1)
        for (int64_t m0 = 0; m0 < 6; ++m0)
            for (int64_t n = 0; n < 8; ++n) {
                uint32_t total = 0;
                for (int64_t k2 = 0; k2 < 3; ++k2)
                    for (int64_t k1 = 0; k1 < 3; ++k1)
                        for (int64_t k0 = 0; k0 < 4; ++k0)
                            total += (uint32_t)((get_u8(sp + m1 * 32 + m0 * 4 + k2 * 32 + k1 * 4 + k0) - 117)
                                                * get_s8(sp + 32768 + k2 * 96 + k1 * 32 + k0 * 8 + n));
                put_s32(acc + 4 * ((m1 * 6 + m0) * 8 + n), (int32_t)total);
            }

    /* vec s8[results0]{48, 8, 1; 4, -3} = s32[sums0]{6, 1, 1; 0.25, 0} + [biases] shape=2x6x8 */
    for (int64_t i2 = 0; i2 < 2; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 8; ++i0) {
                double t = (double)get_s32(acc + 4 * ((i2 * 6 + i1) * 8 + i0)) * 0.25;
                t = t + get_f32(sp + 36864 + i0 * 4);
                *(sp + 16384 + i2 * 48 + i1 * 8 + i0) = wide_quantised(t, 4.0f, -3, -128, 127);
            }

    /* store [y] <- [results0] size=1 dims=(8@36:1, 12@1:8) */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 12; ++i0) {
            memcpy(out[0] + i1 * 36 + i0,
                   sp + 16384 + i1 + i0 * 8, 1);
        }

    /* load [rows1] <- [x0 + 6] size=1 dims=(4@6:32, 1+6+1@1:4, 4@36:1) fill=117 */
    for (int64_t i2 = 0; i2 < 4; ++i2)
        for (int64_t i1 = 0; i1 < 8; ++i1)
            for (int64_t i0 = 0; i0 < 4; ++i0) {
                put_bits(sp + 1024 + i2 * 32 + i1 * 4 + i0, 0x75u, 1);
            }

    for (int64_t i2 = 0; i2 < 4; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 4; ++i0) {
                memcpy(sp + 1028 + i2 * 32 + i1 * 4 + i0,
                       in[0] + 6 + i2 * 6 + i1 + i0 * 36, 1);
            }

    /* mm [sums1] = [rows1] * [weights] m=2x6 n=8 k=3x3x4 am=(32, 4) ak=(32, 4) types=(u8, s8) zero=(117, 0) */
    for (int64_t m1 = 0; m1 < 2; ++m1)
        for (int64_t m0 = 0; m0 < 6; ++m0)
            for (int64_t n = 0; n < 8; ++n) {
                uint32_t total = 0;
                for (int64_t k2 = 0; k2 < 3; ++k2)
                    for (int64_t k1 = 0; k1 < 3; ++k1)
                        for (int64_t k0 = 0; k0 < 4; ++k0)
                            total += (uint32_t)((get_u8(sp + 1024 + m1 * 32 + m0 * 4 + k2 * 32 + k1 * 4 + k0) - 117)
                                                * get_s8(sp + 32768 + k2 * 96 + k1 * 32 + k0 * 8 + n));
                put_s32(acc + 4 * ((512 + m1 * 6 + m0) * 8 + n), (int32_t)total);
            }

    /* vec s8[results1]{48, 8, 1; 4, -3} = s32[sums1]{6, 1, 1; 0.25, 0} + [biases] shape=2x6x8 */
    for (int64_t i2 = 0; i2 < 2; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 8; ++i0) {
                double t = (double)get_s32(acc + 4 * ((512 + i2 * 6 + i1) * 8 + i0)) * 0.25;
                t = t + get_f32(sp + 36864 + i0 * 4);
                *(sp + 16896 + i2 * 48 + i1 * 8 + i0) = wide_quantised(t, 4.0f, -3, -128, 127);
            }

    /* store [y + 12] <- [results1] size=1 dims=(8@36:1, 12@1:8) */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 12; ++i0) {
            memcpy(out[0] + 12 + i1 * 36 + i0,
                   sp + 16896 + i1 + i0 * 8, 1);
        }

    /* load [rows0] <- [x0 + 18] size=1 dims=(0+3+1@6:32, 1+6+1@1:4, 4@36:1) fill=117 */
    for (int64_t i2 = 0; i2 < 4; ++i2)
        for (int64_t i1 = 0; i1 < 8; ++i1)
            for (int64_t i0 = 0; i0 < 4; ++i0) {
                put_bits(sp + i2 * 32 + i1 * 4 + i0, 0x75u, 1);
            }

    for (int64_t i2 = 0; i2 < 3; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 4; ++i0) {
                memcpy(sp + 4 + i2 * 32 + i1 * 4 + i0,
                       in[0] + 18 + i2 * 6 + i1 + i0 * 36, 1);
            }

    /* mm [sums0] = [rows0] * [weights] m=2x6 n=8 k=3x3x4 am=(32, 4) ak=(32, 4) types=(u8, s8) zero=(117, 0) */
    for (int64_t m1 = 0; m1 < 2; ++m1)
        for (int64_t m0 = 0; m0 < 6; ++m0)
            for (int64_t n = 0; n < 8; ++n) {
                uint32_t total = 0;
                for (int64_t k2 = 0; k2 < 3; ++k2)
                    for (int64_t k1 = 0; k1 < 3; ++k1)
                        for (int64_t k0 = 0; k0 < 4; ++k0)
                            total += (uint32_t)((get_u8(sp + m1 * 32 + m0 * 4 + k2 * 32 + k1 * 4 + k0) - 117)
                                                * get_s8(sp + 32768 + k2 * 96 + k1 * 32 + k0 * 8 + n));
                put_s32(acc + 4 * ((m1 * 6 + m0) * 8 + n), (int32_t)total);
            }

    /* vec s8[results0]{48, 8, 1; 4, -3} = s32[sums0]{6, 1, 1; 0.25, 0} + [biases] shape=2x6x8 */
    for (int64_t i2 = 0; i2 < 2; ++i2)
        for (int64_t i1 = 0; i1 < 6; ++i1)
            for (int64_t i0 = 0; i0 < 8; ++i0) {
                double t = (double)get_s32(acc + 4 * ((i2 * 6 + i1) * 8 + i0)) * 0.25;
                t = t + get_f32(sp + 36864 + i0 * 4);
                *(sp + 16384 + i2 * 48 + i1 * 8 + i0) = wide_quantised(t, 4.0f, -3, -128, 127);
            }

    /* store [y + 24] <- [results0] size=1 dims=(8@36:1, 12@1:8) */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 12; ++i0) {
            memcpy(out[0] + 24 + i1 * 36 + i0,
                   sp + 16384 + i1 + i0 * 8, 1);
        }

}

void npu_program(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    npu_program_npu_gemm(constants, tmp, in, out);
}
