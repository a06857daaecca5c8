/* Included by convolution.c for each type and width of a register: REAL and BYTES are given. */

#define VEC NAME(vec)
#define LANES ((long)(BYTES / sizeof(REAL)))

typedef REAL VEC __attribute__((vector_size(BYTES)));

static VEC *NAME(room)(long vectors) { return aligned_alloc(64, (size_t)pieces(larger(vectors, 1) * BYTES, 64) * 64); }

/* Copies planes of a tensor into vectors; lanes without a victim are zero, and so is the padding around the planes. */
static void NAME(pack)(const REAL *from, struct strides s, long lanes, struct planes of, struct planes padded,
                       long before_y, long before_x, VEC *to) {
    memset(to, 0, (size_t)volume(padded) * BYTES);
    for (long c = 0; c < of.channels; c++)
        for (long row = 0; row < of.height; row++) {
            const REAL *source = from + c * s.channel + row * s.row;
            REAL *target = (REAL *)(to + (c * padded.height + row + before_y) * padded.width + before_x);
            if (s.lane == 1 && lanes == LANES)
                for (long column = 0; column < of.width; column++)
                    memcpy(target + column * LANES, source + column * s.column, BYTES);
            else
                for (long lane = 0; lane < lanes; lane++)
                    for (long column = 0; column < of.width; column++)
                        target[column * LANES + lane] = source[lane * s.lane + column * s.column];
        }
}

/* The way back, without padding. */
static void NAME(unpack)(const VEC *from, struct planes of, REAL *to, struct strides s, long lanes) {
    for (long c = 0; c < of.channels; c++)
        for (long row = 0; row < of.height; row++) {
            const REAL *source = (const REAL *)(from + (c * of.height + row) * of.width);
            REAL *target = to + c * s.channel + row * s.row;
            if (s.lane == 1 && lanes == LANES)
                for (long column = 0; column < of.width; column++)
                    memcpy(target + column * s.column, source + column * LANES, BYTES);
            else
                for (long lane = 0; lane < lanes; lane++)
                    for (long column = 0; column < of.width; column++)
                        target[lane * s.lane + column * s.column] = source[column * LANES + lane];
        }
}

/* One tile of `channels` times `columns` outputs; both are constants where it is called. */
static inline __attribute__((always_inline)) void NAME(tile)(const int channels, const int columns, const VEC *in,
                                                             const VEC *w, VEC *out, const struct correlation *c) {
    VEC sums[TILE_CHANNELS][TILE_COLUMNS];
    const long next = c->in_channels * c->kernel_y * c->kernel_x, step = c->step_x, spread = c->spread_x;
#pragma GCC unroll 8
    for (int a = 0; a < channels; a++)
#pragma GCC unroll 8
        for (int b = 0; b < columns; b++)
            sums[a][b] = c->adds ? out[a * c->out_plane + b * c->out_column] : (VEC){0};
    for (long i = 0; i < c->in_channels; i++)
        for (long ky = 0; ky < c->kernel_y; ky++) {
            const VEC *x = in + i * c->in_plane + ky * c->spread_y;
            for (long kx = 0; kx < c->kernel_x; kx++, x += spread, w++) {
                VEC weights[TILE_CHANNELS];
#pragma GCC unroll 8
                for (int a = 0; a < channels; a++) weights[a] = w[a * next];
#pragma GCC unroll 8
                for (int b = 0; b < columns; b++) {
                    const VEC value = x[b * step];
#pragma GCC unroll 8
                    for (int a = 0; a < channels; a++) sums[a][b] = FUSED(weights[a], value, sums[a][b]);
                }
            }
        }
#pragma GCC unroll 8
    for (int a = 0; a < channels; a++)
#pragma GCC unroll 8
        for (int b = 0; b < columns; b++) out[a * c->out_plane + b * c->out_column] = sums[a][b];
}

#define COLUMNS(channels, columns)                                                                                     \
    case channels * 8 + columns:                                                                                       \
        NAME(tile)(channels, columns, x, weights, target, c);                                                          \
        break;
#define CHANNELS(channels)                                                                                             \
    COLUMNS(channels, 1)                                                                                               \
    COLUMNS(channels, 2)                                                                                               \
    COLUMNS(channels, 3)                                                                                               \
    COLUMNS(channels, 4)                                                                                               \
    COLUMNS(channels, 5)                                                                                               \
    COLUMNS(channels, 6)

/* Covers the outputs by tiles of about the same size. */
static void NAME(correlate)(const VEC *in, const VEC *w, VEC *out, const struct correlation *c) {
    const long tall = pieces(c->out_channels, pieces(c->out_channels, TILE_CHANNELS));
    const long broad = pieces(c->out_width, pieces(c->out_width, TILE_COLUMNS));
    for (long j = 0; j < c->out_channels; j += tall)
        for (long p = 0; p < c->out_height; p++)
            for (long q = 0; q < c->out_width; q += broad) {
                const long channels = smaller(tall, c->out_channels - j), columns = smaller(broad, c->out_width - q);
                const VEC *x = in + p * c->step_y + q * c->step_x;
                const VEC *weights = w + j * c->in_channels * c->kernel_y * c->kernel_x;
                VEC *target = out + j * c->out_plane + p * c->out_row + q * c->out_column;
                switch (channels * 8 + columns) {
                    CHANNELS(1)
                    CHANNELS(2)
#if TILE_CHANNELS == 4
                    CHANNELS(3)
                    CHANNELS(4)
#endif
                }
            }
}

static void NAME(pack_weights)(const REAL *w, const struct geometry *g, long lanes, VEC *to) {
    const struct planes kernel = {g->in_channels, g->kernel_y, g->kernel_x};
    const struct strides s = {g->w[0], g->w[2], g->w[3], g->w[4]};
    for (long o = 0; o < g->out_channels; o++)
        NAME(pack)(w + o * g->w[1], s, lanes, kernel, kernel, 0, 0, to + o * volume(kernel));
}

static int NAME(output)(const REAL *x, const REAL *w, REAL *y, const struct geometry *g, long lanes) {
    const struct planes image = {g->in_channels, g->height, g->width};
    const struct planes padded = {g->in_channels, g->height + 2 * g->padding_y, g->width + 2 * g->padding_x};
    const struct planes found = {g->out_channels, g->out_height, g->out_width};
    const struct strides of_x = {g->x[0], g->x[2], g->x[3], g->x[4]}, of_y = {g->y[0], g->y[2], g->y[3], g->y[4]};
    const struct correlation c = {
        .in_channels = g->in_channels, .kernel_y = g->kernel_y, .kernel_x = g->kernel_x,
        .in_plane = padded.height * padded.width, .step_y = g->stride_y * padded.width, .step_x = g->stride_x,
        .spread_y = padded.width, .spread_x = 1, .adds = 0,
        .out_channels = g->out_channels, .out_height = g->out_height, .out_width = g->out_width,
        .out_plane = g->out_height * g->out_width, .out_row = g->out_width, .out_column = 1,
    };
    const long weights = g->out_channels * g->in_channels * g->kernel_y * g->kernel_x;
    VEC *room = NAME(room)(weights + volume(padded) + volume(found)), *in = room + weights, *out = in + volume(padded);
    if (!room) return 1;
    NAME(pack_weights)(w, g, lanes, room);
    for (long b = 0; b < g->batch; b++) {
        NAME(pack)(x + b * g->x[1], of_x, lanes, image, padded, g->padding_y, g->padding_x, in);
        NAME(correlate)(in, room, out, &c);
        NAME(unpack)(out, found, y + b * g->y[1], of_y, lanes);
    }
    free(room);
    return 0;
}

static int NAME(weight)(const REAL *x, REAL *w, const REAL *y, const struct geometry *g, long lanes) {
    const struct planes image = {g->in_channels, g->height, g->width};
    const struct planes padded = {g->in_channels, g->height + 2 * g->padding_y, g->width + 2 * g->padding_x};
    const struct planes result = {g->out_channels, g->out_height, g->out_width};
    const struct planes kernel = {g->in_channels, g->kernel_y, g->kernel_x};
    const struct strides of_x = {g->x[0], g->x[2], g->x[3], g->x[4]}, of_y = {g->y[0], g->y[2], g->y[3], g->y[4]};
    const struct strides of_w = {g->w[0], g->w[2], g->w[3], g->w[4]};
    /* The output takes the place of the weights, and its columns stand as far apart as the stride says. */
    const struct correlation c = {
        .in_channels = 1, .kernel_y = g->out_height, .kernel_x = g->out_width,
        .in_plane = 0, .step_y = padded.width, .step_x = 1,
        .spread_y = g->stride_y * padded.width, .spread_x = g->stride_x, .adds = 1,
        .out_channels = g->out_channels, .out_height = g->kernel_y, .out_width = g->kernel_x,
        .out_plane = volume(kernel), .out_row = g->kernel_x, .out_column = 1,
    };
    const long weights = g->out_channels * volume(kernel);
    VEC *room = NAME(room)(weights + volume(padded) + volume(result)), *in = room + weights, *of = in + volume(padded);
    if (!room) return 1;
    memset(room, 0, (size_t)weights * BYTES);
    for (long b = 0; b < g->batch; b++) {
        NAME(pack)(x + b * g->x[1], of_x, lanes, image, padded, g->padding_y, g->padding_x, in);
        NAME(pack)(y + b * g->y[1], of_y, lanes, result, result, 0, 0, of);
        for (long i = 0; i < g->in_channels; i++)
            NAME(correlate)(in + i * padded.height * padded.width, of, room + i * g->kernel_y * g->kernel_x, &c);
    }
    for (long o = 0; o < g->out_channels; o++)
        NAME(unpack)(room + o * volume(kernel), kernel, w + o * g->w[1], of_w, lanes);
    free(room);
    return 0;
}

/* The weights that reach inputs of one phase, turned around and with the two kinds of channels exchanged:
   [in_channels, out_channels, y.count, x.count]. */
static void NAME(phase_weights)(const VEC *w, const struct geometry *g, struct phase y, struct phase x, VEC *to) {
    for (long c = 0; c < g->in_channels; c++)
        for (long o = 0; o < g->out_channels; o++)
            for (long ky = y.count - 1; ky >= 0; ky--)
                for (long kx = x.count - 1; kx >= 0; kx--)
                    *to++ = w[((o * g->in_channels + c) * g->kernel_y + y.first + ky * g->stride_y) * g->kernel_x +
                              x.first + kx * g->stride_x];
}

/* Inputs whose place plus padding leaves the same remainder by the stride are one phase: they meet the same weights,
   and are a convolution of stride 1 of the output with them. */
static int NAME(input)(REAL *x, const REAL *w, const REAL *y, const struct geometry *g, long lanes) {
    const struct planes image = {g->in_channels, g->height, g->width};
    const struct planes result = {g->out_channels, g->out_height, g->out_width};
    const struct strides of_x = {g->x[0], g->x[2], g->x[3], g->x[4]}, of_y = {g->y[0], g->y[2], g->y[3], g->y[4]};
    const long before_y = (g->kernel_y - 1) / g->stride_y, before_x = (g->kernel_x - 1) / g->stride_x;
    const long last_y = (g->height - 1 + g->padding_y) / g->stride_y, last_x = (g->width - 1 + g->padding_x) / g->stride_x;
    const struct planes padded = {g->out_channels, before_y + larger(g->out_height, last_y + 1),
                                  before_x + larger(g->out_width, last_x + 1)};
    const long weights = g->out_channels * g->in_channels * g->kernel_y * g->kernel_x;
    VEC *room = NAME(room)(2 * weights + volume(padded) + volume(image));
    VEC *turned = room + weights, *of = turned + weights, *out = of + volume(padded);
    if (!room) return 1;
    NAME(pack_weights)(w, g, lanes, room);
    for (long b = 0; b < g->batch; b++) {
        VEC *own = turned;
        NAME(pack)(y + b * g->y[1], of_y, lanes, result, padded, before_y, before_x, of);
        for (long a = 0; a < g->stride_y; a++)
            for (long d = 0; d < g->stride_x; d++) {
                const struct phase py = phase_of(a, g->stride_y, g->kernel_y, g->padding_y, g->height);
                const struct phase px = phase_of(d, g->stride_x, g->kernel_x, g->padding_x, g->width);
                const struct correlation c = {
                    .in_channels = g->out_channels, .kernel_y = py.count, .kernel_x = px.count,
                    .in_plane = padded.height * padded.width, .step_y = padded.width, .step_x = 1,
                    .spread_y = padded.width, .spread_x = 1, .adds = 0,
                    .out_channels = g->in_channels, .out_height = py.inputs, .out_width = px.inputs,
                    .out_plane = g->height * g->width, .out_row = g->stride_y * g->width, .out_column = g->stride_x,
                };
                if (b == 0) NAME(phase_weights)(room, g, py, px, own);
                if (py.inputs && px.inputs)
                    NAME(correlate)(of + (before_y + py.output) * padded.width + before_x + px.output, own,
                                    out + py.input * g->width + px.input, &c);
                own += g->in_channels * g->out_channels * py.count * px.count;
            }
        NAME(unpack)(out, image, x + b * g->x[1], of_x, lanes);
    }
    free(room);
    return 0;
}
