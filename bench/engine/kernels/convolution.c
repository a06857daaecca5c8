/* Convolutions of many victims, each with weights of its own.

   Each victim is a lane of a vector register, so the loops are those of one plain convolution, and no number of one
   victim meets a number of another. The three functions compute one of
       x [victims, batch, in_channels, height, width]           the input,
       w [victims, out_channels, in_channels, kernel_y, kernel_x]    the weights,
       y [victims, batch, out_channels, out_height, out_width]  the output
   from the other two; given the gradient of one in its place, each is a derivative of the others:
       y[b,o,p,q]   = sum over c, ky, kx of w[o,c,ky,kx] x[b,c,p*stride+ky-padding,q*stride+kx-padding]      `output`
       x[b,c,iy,ix] = sum over o, ky, kx of w[o,c,ky,kx] y[b,o,(iy+padding-ky)/stride,(ix+padding-kx)/stride] `input`
       w[o,c,ky,kx] = sum over b, p, q   of y[b,o,p,q] x[b,c,p*stride+ky-padding,q*stride+kx-padding]        `weight`
   All three are one loop, `correlate`, over copies in which the lanes lie side by side and the padding is written out.

   The order of the sums depends on nothing but the shape of a single victim, so a victim's numbers do not depend on its
   company. Tensors may have any strides. */

#include <stdlib.h>
#include <string.h>

struct geometry {
    long victims, batch, in_channels, height, width, out_channels, kernel_y, kernel_x;
    long stride_y, stride_x, padding_y, padding_x, out_height, out_width;
    long x[5], w[5], y[5]; /* strides in numbers, in the order of the dimensions above */
    long threads;
};

/* The dimensions of a copy of one example, and the strides of the tensor that it is a copy of. */
struct planes {
    long channels, height, width;
};
struct strides {
    long lane, channel, row, column;
};

/* out[j,p,q] (+)= sum over i, ky, kx of w[j,i,ky,kx] in[i, p*step_y + ky*spread_y, q*step_x + kx*spread_x];
   steps and spreads are in vectors, those of y whole rows, and w is dense. */
struct correlation {
    long in_channels, kernel_y, kernel_x, out_channels, out_height, out_width;
    long in_plane, step_y, step_x, spread_y, spread_x;
    long out_plane, out_row, out_column;
    int adds; /* to what is there already */
};

static inline long smaller(long a, long b) { return a < b ? a : b; }
static inline long larger(long a, long b) { return a > b ? a : b; }
static inline long pieces(long whole, long piece) { return (whole + piece - 1) / piece; }

static inline long volume(struct planes of) { return of.channels * of.height * of.width; }

/* Along one axis: the inputs `input`, `input` + stride, ... (`inputs` of them), the weights that reach them, `first`,
   `first` + stride, ... (`count` of them), and the first output that the last of these weights takes to the first
   input; it may lie before the outputs. */
struct phase {
    long first, count, input, inputs, output;
};

static inline struct phase phase_of(long first, long stride, long kernel, long padding, long size) {
    const long count = first < kernel ? pieces(kernel - first, stride) : 0;
    const long input = ((first - padding) % stride + stride) % stride;
    const long inputs = input < size ? pieces(size - input, stride) : 0;
    return (struct phase){first, count, input, inputs, (input + padding - first) / stride - (count - 1)};
}

/* A tile of outputs stays in registers: of 32 where there is AVX-512, of 16 elsewhere. */
#ifdef __AVX512F__
#define TILE_CHANNELS 4
#define WIDEST 64
#else
#define TILE_CHANNELS 2
#define WIDEST 32
#endif
#define TILE_COLUMNS 6
#define PASTE_(a, b, c) a##_##b##_##c
#define PASTE(a, b, c) PASTE_(a, b, c)
#define NAME(what) PASTE(what, REAL, BYTES)

/* a * b + c, rounded once. It is written out because a compiler left to itself fuses in some tiles and not in others,
   and a victim's numbers would then depend on the width of the register that it is computed in. */
#ifdef __clang__
#if __has_builtin(__builtin_elementwise_fma)
#define FUSED(a, b, c) __builtin_elementwise_fma(a, b, c)
#endif
#endif
#if !defined(FUSED) && defined(__FMA__)
#include <immintrin.h>
#define fused_float_32 _mm256_fmadd_ps
#define fused_double_32 _mm256_fmadd_pd
#define fused_float_64 _mm512_fmadd_ps
#define fused_double_64 _mm512_fmadd_pd
#define FUSED(a, b, c) (VEC) NAME(fused)(a, b, c)
#endif
#ifndef FUSED
#define FUSED(a, b, c) ((a) * (b) + (c))
#endif

#define REAL float
#define BYTES 32
#include "convolution_lanes.h"
#undef BYTES
#if WIDEST == 64
#define BYTES 64
#include "convolution_lanes.h"
#undef BYTES
#endif
#undef REAL

#define REAL double
#define BYTES 32
#include "convolution_lanes.h"
#undef BYTES
#if WIDEST == 64
#define BYTES 64
#include "convolution_lanes.h"
#undef BYTES
#endif
#undef REAL

#if WIDEST == 64
#define WIDE(what, real) what##_##real##_64
#else
#define WIDE(what, real) what##_##real##_32
#endif

/* As many victims at a time as fill a register, each such block in a thread; the last one may leave lanes empty.
   Narrow registers serve if all threads would else not have a block. */
#define ALL(what, real)                                                                                                \
    int what##_##real(real *x, real *w, real *y, const struct geometry *g) {                                           \
        const long narrow = 32 / sizeof(real);                                                                         \
        const long lanes = g->victims > narrow * g->threads ? WIDEST / sizeof(real) : narrow;                          \
        int failed = 0;                                                                                                \
        OVER_BLOCKS                                                                                                    \
        for (long done = 0; done < g->victims; done += lanes) {                                                        \
            const long left = smaller(g->victims - done, lanes);                                                       \
            real *own_x = x + done * g->x[0], *own_w = w + done * g->w[0], *own_y = y + done * g->y[0];                \
            failed |= left > narrow ? WIDE(what, real)(own_x, own_w, own_y, g, left)                                   \
                                    : what##_##real##_32(own_x, own_w, own_y, g, left);                                \
        }                                                                                                              \
        return failed;                                                                                                 \
    }
#define OVER_BLOCKS _Pragma("omp parallel for num_threads(g->threads) reduction(| : failed)")

ALL(output, float)
ALL(input, float)
ALL(weight, float)
ALL(output, double)
ALL(input, double)
ALL(weight, double)
