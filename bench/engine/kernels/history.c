/* The direction of limited-memory BFGS for many victims, in the compact representation of bench/engine/directions.py,
   whose names these are.

   The histories of a chunk are larger than any cache, so the time goes into reading them. Each victim's pairs are read
   for the products with its gradient, and at once again, from the youngest cache to the oldest, for the sum of their
   rows. No number of one victim meets a number of another, and the order of the sums depends on n and on the number of
   pairs alone, so a victim's direction does not depend on its company or on the number of threads. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Strides are those of contiguous tensors. Flags are bytes, 0 or 1. */
struct histories {
    long victims, pairs, variables; /* S, m and n */
    double curvature;               /* a pair is kept if s.y exceeds this */
    void *s, *y;                    /* [S, m, n] */
    double *sg, *yg, *sy, *yy, *r;  /* [S, m], [S, m], [S, m], [S, m, m], [S, m, m] */
    int64_t *next, *count;          /* [S] */
    void *gamma;                    /* [S] */
    const void *step, *g, *before;  /* [S, n]: the last step, the gradient behind it and the one before it */
    const unsigned char *stepped, *here; /* [S]: whether the step is a pair; whether a direction is wanted */
    void *d;                        /* [S, n], the result; untouched where none is wanted */
    long threads;
};

static inline long smaller(long a, long b) { return a < b ? a : b; }
static inline long larger(long a, long b) { return a > b ? a : b; }

typedef double eight __attribute__((vector_size(64), aligned(8), may_alias));

static double dot(const double *a, const double *b, long n) {
    eight sum = {0}, more = {0};
    long at = 0;
    for (; at + 16 <= n; at += 16) {
        sum += *(const eight *)(a + at) * *(const eight *)(b + at);
        more += *(const eight *)(a + at + 8) * *(const eight *)(b + at + 8);
    }
    double whole = 0;
    for (; at < n; at++) whole += a[at] * b[at];
    sum += more;
    for (long lane = 0; lane < 8; lane++) whole += sum[lane];
    return whole;
}

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)
#define NAME(what) PASTE(what, REAL)

#define REAL float
#include "history_lanes.h"
#undef REAL

#define REAL double
#include "history_lanes.h"
#undef REAL
