/*
 * npu.norm
 *
 * C99 without dependencies but libc and libm, for a little-endian processor whose floats are IEEE 754's. Compile it
 * with -ffp-contract=off: results are then those of the accelerator to the bit.
 * in[0]: f32 4x32
 * out[0]: f32 4x32
 * constants: 256 bytes; tmp: 0 bytes, any contents.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint8_t sp[16640];
static int64_t r1, r2;

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

/*
 * npu.norm
 *   /model/norm
 */
static void npu_program_npu_norm(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    (void)constants, (void)tmp, (void)in, (void)out;
    /* load [scales] <- [const] dims=(32@4:4) */
    for (int64_t i0 = 0; i0 < 32; ++i0) {
        memcpy(sp + 16384 + i0 * 4,
               constants + i0 * 4, 4);
    }

    /* load [biases] <- [const + 128] dims=(32@4:4) */
    for (int64_t i0 = 0; i0 < 32; ++i0) {
        memcpy(sp + 16512 + i0 * 4,
               constants + 128 + i0 * 4, 4);
    }

    r1 = 0;
    r2 = 0;
    for (int64_t round0 = 0; round0 < 2; ++round0) {
        /* load [results0 + r1] <- [x0 + r2] dims=(32@4:4) */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            memcpy(sp + r1 + i0 * 4,
                   in[0] + r2 + i0 * 4, 4);
        }

        /* red f32[reduced] = sum f32[results0 + r1]{0, 0, 4} shape=1x1x32 factor=0.03125 */
        {
            double sum = 0;
            for (int64_t i0 = 0; i0 < 32; ++i0) {
                const double value = get_f32(sp + r1 + i0 * 4);
                sum += value;
            }
            put_f32(sp + 8192, (float)(0.03125 * sum));
        }

        /* vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} sub f32[reduced] shape=1x1x32 */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            float t = get_f32(sp + r1 + i0 * 4);
            t = t - get_f32(sp + 8192);
            put_f32(sp + r1 + i0 * 4, t);
        }

        /* red f32[reduced] = squares f32[results0 + r1]{0, 0, 4} shape=1x1x32 factor=0.03125 */
        {
            double sum = 0;
            for (int64_t i0 = 0; i0 < 32; ++i0) {
                const double value = get_f32(sp + r1 + i0 * 4);
                sum += value * value;
            }
            put_f32(sp + 8192, (float)(0.03125 * sum));
        }

        /* vec f32[reduced] = f32[reduced] shape=1x1x1 act=rsqrt(1.5258789e-05, 0) */
        {
            float t = get_f32(sp + 8192);
            t = (float)(1 / sqrt((double)t + 1.52587890625e-05));
            put_f32(sp + 8192, t);
        }

        /* vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} mul f32[reduced] shape=1x1x32 */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            float t = get_f32(sp + r1 + i0 * 4);
            t = t * get_f32(sp + 8192);
            put_f32(sp + r1 + i0 * 4, t);
        }

        /* vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} * [scales] + [biases] shape=1x1x32 */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            float t = get_f32(sp + r1 + i0 * 4);
            t = t * get_f32(sp + 16384 + i0 * 4);
            t = t + get_f32(sp + 16512 + i0 * 4);
            put_f32(sp + r1 + i0 * 4, t);
        }

        /* store [y + r2] <- [results0 + r1] dims=(32@4:4) */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            memcpy(out[0] + r2 + i0 * 4,
                   sp + r1 + i0 * 4, 4);
        }

        r1 += 512;
        r2 += 128;
    }
    r1 = 0;
    r2 = 0;
    for (int64_t round0 = 0; round0 < 2; ++round0) {
        /* load [results0 + r1] <- [x0 + 256 + r2] dims=(32@4:4) */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            memcpy(sp + r1 + i0 * 4,
                   in[0] + 256 + r2 + i0 * 4, 4);
        }

        /* red f32[reduced] = sum f32[results0 + r1]{0, 0, 4} shape=1x1x32 factor=0.03125 */
        {
            double sum = 0;
            for (int64_t i0 = 0; i0 < 32; ++i0) {
                const double value = get_f32(sp + r1 + i0 * 4);
                sum += value;
            }
            put_f32(sp + 8192, (float)(0.03125 * sum));
        }

        /* vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} sub f32[reduced] shape=1x1x32 */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            float t = get_f32(sp + r1 + i0 * 4);
            t = t - get_f32(sp + 8192);
            put_f32(sp + r1 + i0 * 4, t);
        }

        /* red f32[reduced] = squares f32[results0 + r1]{0, 0, 4} shape=1x1x32 factor=0.03125 */
        {
            double sum = 0;
            for (int64_t i0 = 0; i0 < 32; ++i0) {
                const double value = get_f32(sp + r1 + i0 * 4);
                sum += value * value;
            }
            put_f32(sp + 8192, (float)(0.03125 * sum));
        }

        /* vec f32[reduced] = f32[reduced] shape=1x1x1 act=rsqrt(1.5258789e-05, 0) */
        {
            float t = get_f32(sp + 8192);
            t = (float)(1 / sqrt((double)t + 1.52587890625e-05));
            put_f32(sp + 8192, t);
        }

        /* vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} mul f32[reduced] shape=1x1x32 */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            float t = get_f32(sp + r1 + i0 * 4);
            t = t * get_f32(sp + 8192);
            put_f32(sp + r1 + i0 * 4, t);
        }

        /* vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} * [scales] + [biases] shape=1x1x32 */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            float t = get_f32(sp + r1 + i0 * 4);
            t = t * get_f32(sp + 16384 + i0 * 4);
            t = t + get_f32(sp + 16512 + i0 * 4);
            put_f32(sp + r1 + i0 * 4, t);
        }

        /* store [y + 256 + r2] <- [results0 + r1] dims=(32@4:4) */
        for (int64_t i0 = 0; i0 < 32; ++i0) {
            memcpy(out[0] + 256 + r2 + i0 * 4,
                   sp + r1 + i0 * 4, 4);
        }

        r1 += 512;
        r2 += 128;
    }
}

void npu_program(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    npu_program_npu_norm(constants, tmp, in, out);
}
