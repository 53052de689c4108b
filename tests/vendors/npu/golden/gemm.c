/*
 * npu.gemm
 *
 * C99 without dependencies but libc and libm, for a little-endian processor whose floats are IEEE 754's. Compile it
 * with -ffp-contract=off: results are then those of the accelerator to the bit.
 * in[0]: f32 64x32
 * out[0]: f32 64x16
 * constants: 2112 bytes; tmp: 0 bytes, any contents.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint8_t sp[36928];
static uint8_t acc[16896];  /* rows of 8 lanes of 32 bits */
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
 * npu.gemm
 *   /model/gemm
 */
static void npu_program_npu_gemm(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    (void)constants, (void)tmp, (void)in, (void)out;
    /* load [weights] <- [const] dims=(512@4:4) */
    for (int64_t i0 = 0; i0 < 512; ++i0) {
        memcpy(sp + 32768 + i0 * 4,
               constants + i0 * 4, 4);
    }

    /* load [biases] <- [const + 2048] dims=(16@4:4) */
    for (int64_t i0 = 0; i0 < 16; ++i0) {
        memcpy(sp + 36864 + i0 * 4,
               constants + 2048 + i0 * 4, 4);
    }

    /* load [rows0] <- [x0] dims=(256@4:4) */
    for (int64_t i0 = 0; i0 < 256; ++i0) {
        memcpy(sp + i0 * 4,
               in[0] + i0 * 4, 4);
    }

    /* mm [sums0] = [rows0] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 */
    for (int64_t m0 = 0; m0 < 8; ++m0)
        for (int64_t n = 0; n < 16; ++n) {
            float total = 0;
            for (int64_t step = 0; step < 32; step += 8) {
                const int64_t end = step + 8 < 32 ? step + 8 : 32;
                float sum = 0;
                for (int64_t k0 = step; k0 < end; ++k0)
                    sum += get_f32(sp + m0 * 128 + k0 * 4)
                         * get_f32(sp + 32768 + n / 8 * 1024 + k0 * 32 + n % 8 * 4);
                total += sum;
            }
            put_f32(acc + 4 * ((m0 + n / 8 * 8) * 8 + n % 8), total);
        }

    /* vec f32[results0]{0, 64, 4} = f32[sums0]{0, 1, 8} + [biases] shape=1x8x16 act=relu */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 16; ++i0) {
            float t = get_f32(acc + 4 * ((i1 + i0 / 8 * 8) * 8 + i0 % 8));
            t = t + get_f32(sp + 36864 + i0 * 4);
            t = t < 0 ? 0.0f : t;
            put_f32(sp + 16384 + i1 * 64 + i0 * 4, t);
        }

    /* store [y] <- [results0] dims=(128@4:4) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(out[0] + i0 * 4,
               sp + 16384 + i0 * 4, 4);
    }

    /* load [rows1] <- [x0 + 1024] dims=(256@4:4) */
    for (int64_t i0 = 0; i0 < 256; ++i0) {
        memcpy(sp + 1024 + i0 * 4,
               in[0] + 1024 + i0 * 4, 4);
    }

    /* mm [sums1] = [rows1] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 */
    for (int64_t m0 = 0; m0 < 8; ++m0)
        for (int64_t n = 0; n < 16; ++n) {
            float total = 0;
            for (int64_t step = 0; step < 32; step += 8) {
                const int64_t end = step + 8 < 32 ? step + 8 : 32;
                float sum = 0;
                for (int64_t k0 = step; k0 < end; ++k0)
                    sum += get_f32(sp + 1024 + m0 * 128 + k0 * 4)
                         * get_f32(sp + 32768 + n / 8 * 1024 + k0 * 32 + n % 8 * 4);
                total += sum;
            }
            put_f32(acc + 4 * ((512 + m0 + n / 8 * 8) * 8 + n % 8), total);
        }

    /* vec f32[results1]{0, 64, 4} = f32[sums1]{0, 1, 8} + [biases] shape=1x8x16 act=relu */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 16; ++i0) {
            float t = get_f32(acc + 4 * ((512 + i1 + i0 / 8 * 8) * 8 + i0 % 8));
            t = t + get_f32(sp + 36864 + i0 * 4);
            t = t < 0 ? 0.0f : t;
            put_f32(sp + 16896 + i1 * 64 + i0 * 4, t);
        }

    r1 = 0;
    r2 = 0;
    for (int64_t round0 = 0; round0 < 2; ++round0) {
        /* store [y + 512 + r1] <- [results1] dims=(128@4:4) */
        for (int64_t i0 = 0; i0 < 128; ++i0) {
            memcpy(out[0] + 512 + r1 + i0 * 4,
                   sp + 16896 + i0 * 4, 4);
        }

        /* load [rows0] <- [x0 + 2048 + r2] dims=(256@4:4) */
        for (int64_t i0 = 0; i0 < 256; ++i0) {
            memcpy(sp + i0 * 4,
                   in[0] + 2048 + r2 + i0 * 4, 4);
        }

        /* mm [sums0] = [rows0] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 */
        for (int64_t m0 = 0; m0 < 8; ++m0)
            for (int64_t n = 0; n < 16; ++n) {
                float total = 0;
                for (int64_t step = 0; step < 32; step += 8) {
                    const int64_t end = step + 8 < 32 ? step + 8 : 32;
                    float sum = 0;
                    for (int64_t k0 = step; k0 < end; ++k0)
                        sum += get_f32(sp + m0 * 128 + k0 * 4)
                             * get_f32(sp + 32768 + n / 8 * 1024 + k0 * 32 + n % 8 * 4);
                    total += sum;
                }
                put_f32(acc + 4 * ((m0 + n / 8 * 8) * 8 + n % 8), total);
            }

        /* vec f32[results0]{0, 64, 4} = f32[sums0]{0, 1, 8} + [biases] shape=1x8x16 act=relu */
        for (int64_t i1 = 0; i1 < 8; ++i1)
            for (int64_t i0 = 0; i0 < 16; ++i0) {
                float t = get_f32(acc + 4 * ((i1 + i0 / 8 * 8) * 8 + i0 % 8));
                t = t + get_f32(sp + 36864 + i0 * 4);
                t = t < 0 ? 0.0f : t;
                put_f32(sp + 16384 + i1 * 64 + i0 * 4, t);
            }

        /* store [y + 1024 + r1] <- [results0] dims=(128@4:4) */
        for (int64_t i0 = 0; i0 < 128; ++i0) {
            memcpy(out[0] + 1024 + r1 + i0 * 4,
                   sp + 16384 + i0 * 4, 4);
        }

        /* load [rows1] <- [x0 + 3072 + r2] dims=(256@4:4) */
        for (int64_t i0 = 0; i0 < 256; ++i0) {
            memcpy(sp + 1024 + i0 * 4,
                   in[0] + 3072 + r2 + i0 * 4, 4);
        }

        /* mm [sums1] = [rows1] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 */
        for (int64_t m0 = 0; m0 < 8; ++m0)
            for (int64_t n = 0; n < 16; ++n) {
                float total = 0;
                for (int64_t step = 0; step < 32; step += 8) {
                    const int64_t end = step + 8 < 32 ? step + 8 : 32;
                    float sum = 0;
                    for (int64_t k0 = step; k0 < end; ++k0)
                        sum += get_f32(sp + 1024 + m0 * 128 + k0 * 4)
                             * get_f32(sp + 32768 + n / 8 * 1024 + k0 * 32 + n % 8 * 4);
                    total += sum;
                }
                put_f32(acc + 4 * ((512 + m0 + n / 8 * 8) * 8 + n % 8), total);
            }

        /* vec f32[results1]{0, 64, 4} = f32[sums1]{0, 1, 8} + [biases] shape=1x8x16 act=relu */
        for (int64_t i1 = 0; i1 < 8; ++i1)
            for (int64_t i0 = 0; i0 < 16; ++i0) {
                float t = get_f32(acc + 4 * ((512 + i1 + i0 / 8 * 8) * 8 + i0 % 8));
                t = t + get_f32(sp + 36864 + i0 * 4);
                t = t < 0 ? 0.0f : t;
                put_f32(sp + 16896 + i1 * 64 + i0 * 4, t);
            }

        r1 += 1024;
        r2 += 2048;
    }
    /* store [y + 2560] <- [results1] dims=(128@4:4) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(out[0] + 2560 + i0 * 4,
               sp + 16896 + i0 * 4, 4);
    }

    /* load [rows0] <- [x0 + 6144] dims=(256@4:4) */
    for (int64_t i0 = 0; i0 < 256; ++i0) {
        memcpy(sp + i0 * 4,
               in[0] + 6144 + i0 * 4, 4);
    }

    /* mm [sums0] = [rows0] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 */
    for (int64_t m0 = 0; m0 < 8; ++m0)
        for (int64_t n = 0; n < 16; ++n) {
            float total = 0;
            for (int64_t step = 0; step < 32; step += 8) {
                const int64_t end = step + 8 < 32 ? step + 8 : 32;
                float sum = 0;
                for (int64_t k0 = step; k0 < end; ++k0)
                    sum += get_f32(sp + m0 * 128 + k0 * 4)
                         * get_f32(sp + 32768 + n / 8 * 1024 + k0 * 32 + n % 8 * 4);
                total += sum;
            }
            put_f32(acc + 4 * ((m0 + n / 8 * 8) * 8 + n % 8), total);
        }

    /* vec f32[results0]{0, 64, 4} = f32[sums0]{0, 1, 8} + [biases] shape=1x8x16 act=relu */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 16; ++i0) {
            float t = get_f32(acc + 4 * ((i1 + i0 / 8 * 8) * 8 + i0 % 8));
            t = t + get_f32(sp + 36864 + i0 * 4);
            t = t < 0 ? 0.0f : t;
            put_f32(sp + 16384 + i1 * 64 + i0 * 4, t);
        }

    /* store [y + 3072] <- [results0] dims=(128@4:4) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(out[0] + 3072 + i0 * 4,
               sp + 16384 + i0 * 4, 4);
    }

    /* load [rows1] <- [x0 + 7168] dims=(256@4:4) */
    for (int64_t i0 = 0; i0 < 256; ++i0) {
        memcpy(sp + 1024 + i0 * 4,
               in[0] + 7168 + i0 * 4, 4);
    }

    /* mm [sums1] = [rows1] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 */
    for (int64_t m0 = 0; m0 < 8; ++m0)
        for (int64_t n = 0; n < 16; ++n) {
            float total = 0;
            for (int64_t step = 0; step < 32; step += 8) {
                const int64_t end = step + 8 < 32 ? step + 8 : 32;
                float sum = 0;
                for (int64_t k0 = step; k0 < end; ++k0)
                    sum += get_f32(sp + 1024 + m0 * 128 + k0 * 4)
                         * get_f32(sp + 32768 + n / 8 * 1024 + k0 * 32 + n % 8 * 4);
                total += sum;
            }
            put_f32(acc + 4 * ((512 + m0 + n / 8 * 8) * 8 + n % 8), total);
        }

    /* vec f32[results1]{0, 64, 4} = f32[sums1]{0, 1, 8} + [biases] shape=1x8x16 act=relu */
    for (int64_t i1 = 0; i1 < 8; ++i1)
        for (int64_t i0 = 0; i0 < 16; ++i0) {
            float t = get_f32(acc + 4 * ((512 + i1 + i0 / 8 * 8) * 8 + i0 % 8));
            t = t + get_f32(sp + 36864 + i0 * 4);
            t = t < 0 ? 0.0f : t;
            put_f32(sp + 16896 + i1 * 64 + i0 * 4, t);
        }

    /* store [y + 3584] <- [results1] dims=(128@4:4) */
    for (int64_t i0 = 0; i0 < 128; ++i0) {
        memcpy(out[0] + 3584 + i0 * 4,
               sp + 16896 + i0 * 4, 4);
    }

}

void npu_program(const uint8_t *constants, uint8_t *tmp, const uint8_t *const in[], uint8_t *const out[])
{
    npu_program_npu_gemm(constants, tmp, in, out);
}
