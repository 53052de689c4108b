/*
 * npu.elementwise
 *
 * C99 without dependencies but libc and libm, for a little-endian processor whose floats are IEEE 754's. Compile it
 * with -ffp-contract=off: results are then those of the accelerator to the bit.
 * in[0]: s8 4x128
 * in[1]: s8 4x128
 * out[0]: s8 4x128
 * constants: 0 bytes; tmp: 0 bytes, any contents.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint8_t sp[2304];

static int32_t get_s8(const uint8_t *at)
{
    return *at < 128 ? *at : *at - 256;
}

/* Rounds value / scale half to even, adds zero, and keeps within least and most. */
static uint8_t quantised(float value, float scale, int32_t zero, int32_t least, int32_t most)
{
    const float scaled = value / scale;
    const float above = scaled > -1024.0f ? scaled : -1024.0f;
    const float within = above < 1024.0f ? above : 1024.0f;
    const int32_t whole = (int32_t)lrintf(within) + zero;
    return (uint8_t)(whole < least ? least : whole > most ? most : whole);
}

/* What is not a number wins. */
static float larger(float a, float b)
{
    return a > b || a != a ? a : b;
}

static float smaller(float a, float b)
{
    return a < b || a != a ? a : b;
}

/*
 * npu.elementwise
 *   /model/elementwise
 */
static void npu_program_npu_elementwise(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    (void)constants, (void)tmp, (void)in, (void)out;
    /* load [values0] <- [x0] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(sp + i0,
               in[0] + i0, 1);
    }

    /* load [others0] <- [x1] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(sp + 1024 + i0,
               in[1] + i0, 1);
    }

    /* vec s8[results0]{0, 0, 1; 0.0625, 5} = s8[values0]{0, 0, 1; 0.03125, 3} add s8[others0]{0, 0, 1; 0.125, -7} shape=1x1x128 act=clip(-6, 6) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        float t = (float)(get_s8(sp + i0) - 3) * 0.03125f;
        t = t + ((float)(get_s8(sp + 1024 + i0) + 7) * 0.125f);
        t = smaller(larger(t, -6.0f), 6.0f);
        *(sp + 2048 + i0) = quantised(t, 0.0625f, 5, -128, 127);
    }

    /* store [y] <- [results0] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(out[0] + i0,
               sp + 2048 + i0, 1);
    }

    /* load [values1] <- [x0 + 128] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(sp + 128 + i0,
               in[0] + 128 + i0, 1);
    }

    /* load [others1] <- [x1 + 128] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(sp + 1152 + i0,
               in[1] + 128 + i0, 1);
    }

    /* vec s8[results1]{0, 0, 1; 0.0625, 5} = s8[values1]{0, 0, 1; 0.03125, 3} add s8[others1]{0, 0, 1; 0.125, -7} shape=1x1x128 act=clip(-6, 6) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        float t = (float)(get_s8(sp + 128 + i0) - 3) * 0.03125f;
        t = t + ((float)(get_s8(sp + 1152 + i0) + 7) * 0.125f);
        t = smaller(larger(t, -6.0f), 6.0f);
        *(sp + 2176 + i0) = quantised(t, 0.0625f, 5, -128, 127);
    }

    /* store [y + 128] <- [results1] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(out[0] + 128 + i0,
               sp + 2176 + i0, 1);
    }

    /* load [values0] <- [x0 + 256] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(sp + i0,
               in[0] + 256 + i0, 1);
    }

    /* load [others0] <- [x1 + 256] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(sp + 1024 + i0,
               in[1] + 256 + i0, 1);
    }

    /* vec s8[results0]{0, 0, 1; 0.0625, 5} = s8[values0]{0, 0, 1; 0.03125, 3} add s8[others0]{0, 0, 1; 0.125, -7} shape=1x1x128 act=clip(-6, 6) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        float t = (float)(get_s8(sp + i0) - 3) * 0.03125f;
        t = t + ((float)(get_s8(sp + 1024 + i0) + 7) * 0.125f);
        t = smaller(larger(t, -6.0f), 6.0f);
        *(sp + 2048 + i0) = quantised(t, 0.0625f, 5, -128, 127);
    }

    /* store [y + 256] <- [results0] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(out[0] + 256 + i0,
               sp + 2048 + i0, 1);
    }

    /* load [values1] <- [x0 + 384] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(sp + 128 + i0,
               in[0] + 384 + i0, 1);
    }

    /* load [others1] <- [x1 + 384] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(sp + 1152 + i0,
               in[1] + 384 + i0, 1);
    }

    /* vec s8[results1]{0, 0, 1; 0.0625, 5} = s8[values1]{0, 0, 1; 0.03125, 3} add s8[others1]{0, 0, 1; 0.125, -7} shape=1x1x128 act=clip(-6, 6) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        float t = (float)(get_s8(sp + 128 + i0) - 3) * 0.03125f;
        t = t + ((float)(get_s8(sp + 1152 + i0) + 7) * 0.125f);
        t = smaller(larger(t, -6.0f), 6.0f);
        *(sp + 2176 + i0) = quantised(t, 0.0625f, 5, -128, 127);
    }

    /* store [y + 384] <- [results1] size=1 dims=(128@1:1) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(out[0] + 384 + i0,
               sp + 2176 + i0, 1);
    }

}

void npu_program(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    npu_program_npu_elementwise(constants, tmp, in, out);
}
