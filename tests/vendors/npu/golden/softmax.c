/*
 * npu.softmax
 *
 * C99 without dependencies but libc and libm, for a little-endian processor whose floats are IEEE 754's. Compile it
 * with -ffp-contract=off: results are then those of the accelerator to the bit.
 * in[0]: f32 6x24
 * out[0]: f32 6x24
 * constants: 0 bytes; tmp: 0 bytes, any contents.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint8_t sp[8200];

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
static double wide_larger(double a, double b)
{
    return a > b || a != a ? a : b;
}

/*
 * npu.softmax
 *   /model/softmax
 */
static void npu_program_npu_softmax(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    (void)constants, (void)tmp, (void)in, (void)out;
    /* load [results0] <- [x0] dims=(48@4:4) */
    for (int64_t i0 = 0; i0 < 48; ++i0) {
        memcpy(sp + i0 * 4,
               in[0] + i0 * 4, 4);
    }

    /* red f32[reduced]{0, 4, 0} = max f32[results0]{0, 96, 4} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1) {
        {
            int64_t i0 = 0;
            double most = get_f32(sp + i1 * 96 + i0 * 4);
            for (i0 = 1; i0 < 24; ++i0)
                most = wide_larger(most, get_f32(sp + i1 * 96 + i0 * 4));
            put_f32(sp + 8192 + i1 * 4, (float)(1.0 * most));
        }
    }

    /* vec f32[results0]{0, 96, 4} = f32[results0]{0, 96, 4} sub f32[reduced]{0, 4, 0} shape=1x2x24 act=exp */
    for (int64_t i1 = 0; i1 < 2; ++i1)
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            float t = get_f32(sp + i1 * 96 + i0 * 4);
            t = t - get_f32(sp + 8192 + i1 * 4);
            t = (float)exp(t);
            put_f32(sp + i1 * 96 + i0 * 4, t);
        }

    /* red f32[reduced]{0, 4, 0} = sum f32[results0]{0, 96, 4} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1) {
        double sum = 0;
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            const double value = get_f32(sp + i1 * 96 + i0 * 4);
            sum += value;
        }
        put_f32(sp + 8192 + i1 * 4, (float)(1.0 * sum));
    }

    /* vec f32[results0]{0, 96, 4} = f32[results0]{0, 96, 4} div f32[reduced]{0, 4, 0} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1)
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            float t = get_f32(sp + i1 * 96 + i0 * 4);
            t = t / get_f32(sp + 8192 + i1 * 4);
            put_f32(sp + i1 * 96 + i0 * 4, t);
        }

    /* store [y] <- [results0] dims=(48@4:4) */
    for (int64_t i0 = 0; i0 < 48; ++i0) {
        memcpy(out[0] + i0 * 4,
               sp + i0 * 4, 4);
    }

    /* load [results1] <- [x0 + 192] dims=(48@4:4) */
    for (int64_t i0 = 0; i0 < 48; ++i0) {
        memcpy(sp + 512 + i0 * 4,
               in[0] + 192 + i0 * 4, 4);
    }

    /* red f32[reduced]{0, 4, 0} = max f32[results1]{0, 96, 4} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1) {
        {
            int64_t i0 = 0;
            double most = get_f32(sp + 512 + i1 * 96 + i0 * 4);
            for (i0 = 1; i0 < 24; ++i0)
                most = wide_larger(most, get_f32(sp + 512 + i1 * 96 + i0 * 4));
            put_f32(sp + 8192 + i1 * 4, (float)(1.0 * most));
        }
    }

    /* vec f32[results1]{0, 96, 4} = f32[results1]{0, 96, 4} sub f32[reduced]{0, 4, 0} shape=1x2x24 act=exp */
    for (int64_t i1 = 0; i1 < 2; ++i1)
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            float t = get_f32(sp + 512 + i1 * 96 + i0 * 4);
            t = t - get_f32(sp + 8192 + i1 * 4);
            t = (float)exp(t);
            put_f32(sp + 512 + i1 * 96 + i0 * 4, t);
        }

    /* red f32[reduced]{0, 4, 0} = sum f32[results1]{0, 96, 4} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1) {
        double sum = 0;
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            const double value = get_f32(sp + 512 + i1 * 96 + i0 * 4);
            sum += value;
        }
        put_f32(sp + 8192 + i1 * 4, (float)(1.0 * sum));
    }

    /* vec f32[results1]{0, 96, 4} = f32[results1]{0, 96, 4} div f32[reduced]{0, 4, 0} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1)
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            float t = get_f32(sp + 512 + i1 * 96 + i0 * 4);
            t = t / get_f32(sp + 8192 + i1 * 4);
            put_f32(sp + 512 + i1 * 96 + i0 * 4, t);
        }

    /* store [y + 192] <- [results1] dims=(48@4:4) */
    for (int64_t i0 = 0; i0 < 48; ++i0) {
        memcpy(out[0] + 192 + i0 * 4,
               sp + 512 + i0 * 4, 4);
    }

    /* load [results0] <- [x0 + 384] dims=(48@4:4) */
    for (int64_t i0 = 0; i0 < 48; ++i0) {
        memcpy(sp + i0 * 4,
               in[0] + 384 + i0 * 4, 4);
    }

    /* red f32[reduced]{0, 4, 0} = max f32[results0]{0, 96, 4} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1) {
        {
            int64_t i0 = 0;
            double most = get_f32(sp + i1 * 96 + i0 * 4);
            for (i0 = 1; i0 < 24; ++i0)
                most = wide_larger(most, get_f32(sp + i1 * 96 + i0 * 4));
            put_f32(sp + 8192 + i1 * 4, (float)(1.0 * most));
        }
    }

    /* vec f32[results0]{0, 96, 4} = f32[results0]{0, 96, 4} sub f32[reduced]{0, 4, 0} shape=1x2x24 act=exp */
    for (int64_t i1 = 0; i1 < 2; ++i1)
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            float t = get_f32(sp + i1 * 96 + i0 * 4);
            t = t - get_f32(sp + 8192 + i1 * 4);
            t = (float)exp(t);
            put_f32(sp + i1 * 96 + i0 * 4, t);
        }

    /* red f32[reduced]{0, 4, 0} = sum f32[results0]{0, 96, 4} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1) {
        double sum = 0;
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            const double value = get_f32(sp + i1 * 96 + i0 * 4);
            sum += value;
        }
        put_f32(sp + 8192 + i1 * 4, (float)(1.0 * sum));
    }

    /* vec f32[results0]{0, 96, 4} = f32[results0]{0, 96, 4} div f32[reduced]{0, 4, 0} shape=1x2x24 */
    for (int64_t i1 = 0; i1 < 2; ++i1)
        for (int64_t i0 = 0; i0 < 24; ++i0) {
            float t = get_f32(sp + i1 * 96 + i0 * 4);
            t = t / get_f32(sp + 8192 + i1 * 4);
            put_f32(sp + i1 * 96 + i0 * 4, t);
        }

    /* store [y + 384] <- [results0] dims=(48@4:4) */
    for (int64_t i0 = 0; i0 < 48; ++i0) {
        memcpy(out[0] + 384 + i0 * 4,
               sp + i0 * 4, 4);
    }

}

void npu_program(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    npu_program_npu_softmax(constants, tmp, in, out);
}
