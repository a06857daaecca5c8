/* The functions of history.c for one type, REAL. */

/* A vector of 64 bytes; machines with narrower registers take several for it. */
#define VEC NAME(vec)
#define LANES ((long)(64 / sizeof(REAL)))
#define AT(place) (*(const VEC *)(place))
typedef REAL VEC __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));

static inline double NAME(whole)(VEC sum) {
    double whole = 0;
    for (long lane = 0; lane < LANES; lane++) whole += (double)sum[lane];
    return whole;
}

/* out[i] = rows[i] . v for four rows, which are read side by side: v is loaded once for them, and the memory sees four
   streams. */
static void NAME(four_products)(const REAL *a, const REAL *b, const REAL *c, const REAL *d, const REAL *v, long n,
                                double *out) {
    VEC sum_a = {0}, sum_b = {0}, sum_c = {0}, sum_d = {0};
    long at = 0;
    for (; at + LANES <= n; at += LANES) {
        const VEC with = AT(v + at);
        sum_a += AT(a + at) * with;
        sum_b += AT(b + at) * with;
        sum_c += AT(c + at) * with;
        sum_d += AT(d + at) * with;
    }
    double rest_a = 0, rest_b = 0, rest_c = 0, rest_d = 0;
    for (; at < n; at++) {
        rest_a += (double)(a[at] * v[at]);
        rest_b += (double)(b[at] * v[at]);
        rest_c += (double)(c[at] * v[at]);
        rest_d += (double)(d[at] * v[at]);
    }
    out[0] = rest_a + NAME(whole)(sum_a);
    out[1] = rest_b + NAME(whole)(sum_b);
    out[2] = rest_c + NAME(whole)(sum_c);
    out[3] = rest_d + NAME(whole)(sum_d);
}

/* out[i] = rows[i] . v; the last rows are read more than once if they do not make four. */
static void NAME(products)(const REAL *rows, long count, const REAL *v, long n, double *out) {
    for (long i = 0; i < count; i += 4) {
        const long last = count - 1;
        double four[4];
        NAME(four_products)(rows + i * n, rows + smaller(i + 1, last) * n, rows + smaller(i + 2, last) * n,
                            rows + smaller(i + 3, last) * n, v, n, four);
        memcpy(out + i, four, (size_t)smaller(4, count - i) * sizeof(double));
    }
}

/* out += a s + b y + c t + d z, entry by entry */
static void NAME(add_pairs)(REAL *out, REAL a, const REAL *s, REAL b, const REAL *y, REAL c, const REAL *t, REAL d,
                            const REAL *z, long n) {
    long at = 0;
    for (; at + LANES <= n; at += LANES)
        *(VEC *)(out + at) += (a * AT(s + at) + b * AT(y + at)) + (c * AT(t + at) + d * AT(z + at));
    for (; at < n; at++) out[at] += (a * s[at] + b * y[at]) + (c * t[at] + d * z[at]);
}

/* Stores the pair of the last step if its curvature is large enough; its place, or -1. */
static long NAME(keep)(const struct histories *h, long v, double *sy, double *yy) {
    const long n = h->variables, at = h->next[v];
    const REAL *step = (const REAL *)h->step + v * n, *g = (const REAL *)h->g + v * n;
    const REAL *before = (const REAL *)h->before + v * n;
    double along = 0, square = 0;
    for (long j = 0; j < n; j++) {
        const REAL y = g[j] - before[j];
        along += (double)step[j] * (double)y;
        square += (double)y * (double)y;
    }
    if (!(along > h->curvature)) return -1;
    REAL *s = (REAL *)h->s + (v * h->pairs + at) * n, *y = (REAL *)h->y + (v * h->pairs + at) * n;
    memcpy(s, step, (size_t)n * sizeof(REAL));
    for (long j = 0; j < n; j++) y[j] = g[j] - before[j];
    ((REAL *)h->gamma)[v] = (REAL)(along / square);
    h->next[v] = (at + 1) % h->pairs;
    if (h->count[v] < h->pairs) h->count[v]++;
    *sy = along;
    *yy = square;
    return at;
}

/* Gives Y'Y and the inverse of R the row and column of the pair at `at`, from the changes of S'g and Y'g. */
static void NAME(extend)(const struct histories *h, long v, long at, double sy, double yy, const double *sg,
                         const double *yg) {
    const long m = h->pairs, k = h->count[v];
    double *old_sg = h->sg + v * m, *old_yg = h->yg + v * m, *r = h->r + v * m * m, *all = h->yy + v * m * m;
    for (long i = 0; i < k; i++)
        all[at * m + i] = all[i * m + at] = i == at ? yy : yg[i] - old_yg[i];
    for (long i = 0; i < k; i++) r[at * m + i] = 0;
    for (long i = 0; i < k; i++) old_sg[i] = sg[i] - old_sg[i];
    for (long i = 0; i < k; i++) {
        old_yg[i] = -dot(r + i * m, old_sg, k) / sy;
    }
    old_yg[at] = 1 / sy;
    for (long i = 0; i < k; i++) r[i * m + at] = old_yg[i];
    h->sy[v * m + at] = sy;
}

/* The direction of one victim. `room` holds 4 m numbers. */
static void NAME(victim)(const struct histories *h, long v, double *room) {
    const long n = h->variables, m = h->pairs;
    const REAL *g = (const REAL *)h->g + v * n, *s = (const REAL *)h->s + v * m * n, *y = (const REAL *)h->y + v * m * n;
    REAL *d = (REAL *)h->d + v * n;
    double *sg = room, *yg = sg + m, *u = yg + m, *w = u + m, sy = 0, yy = 0;
    const long at = h->stepped[v] ? NAME(keep)(h, v, &sy, &yy) : -1, k = h->count[v];
    if (!k) {
        for (long j = 0; j < n; j++) d[j] = -g[j];
        return;
    }
    NAME(products)(s, k, g, n, sg);
    NAME(products)(y, k, g, n, yg);
    if (at >= 0) NAME(extend)(h, v, at, sy, yy, sg, yg);
    memcpy(h->sg + v * m, sg, (size_t)k * sizeof(double));
    memcpy(h->yg + v * m, yg, (size_t)k * sizeof(double));

    const double *r = h->r + v * m * m, *all = h->yy + v * m * m, gamma = (double)((REAL *)h->gamma)[v];
    for (long i = 0; i < k; i++) u[i] = dot(r + i * m, sg, k);
    memset(w, 0, (size_t)k * sizeof(double));
    for (long i = 0; i < k; i++) {
        const double right = h->sy[v * m + i] * u[i] + gamma * (dot(all + i * m, u, k) - yg[i]);
        for (long j = 0; j < k; j++) w[j] += r[i * m + j] * right;
    }
    for (long j = 0; j < n; j++) d[j] = (REAL)-gamma * g[j];
    for (long i = k - 1; i >= 0; i -= 2) {
        const long before = larger(i - 1, 0); /* of an odd number the first pair is read, and not added, twice */
        const REAL once = i ? 1 : 0;
        NAME(add_pairs)(d, (REAL)-w[i], s + i * n, (REAL)(gamma * u[i]), y + i * n, once * (REAL)-w[before],
                        s + before * n, once * (REAL)(gamma * u[before]), y + before * n, n);
    }
}

int NAME(direction)(const struct histories *h) {
    double *room = malloc((size_t)(h->victims * 4 * h->pairs) * sizeof(double));
    if (!room) return 1;
#pragma omp parallel for schedule(dynamic, 1) num_threads(h->threads)
    for (long v = 0; v < h->victims; v++)
        if (h->here[v]) NAME(victim)(h, v, room + v * 4 * h->pairs);
    free(room);
    return 0;
}

#undef VEC
#undef LANES
#undef AT
