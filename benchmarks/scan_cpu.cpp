// The ceiling of benchmarks/scan_cpu.py: the same algorithm as kernels/numba_kernels.py (Euler, softplus, gate), as
// one would write it in C++ for the compiler to vectorise. Built by the benchmark; nothing else uses it.
// Threads take sequences, or blocks of `width` channels of them; gB and gC (blocks, batch, L, N) are then to be summed.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

constexpr int W = 16, CHUNK = 16;
#define LANES _Pragma("omp simd") for (int l = 0; l < W; ++l)

static inline float sigmoid(float v) { return 1.0f / (1.0f + std::exp(-v)); }
static inline float softplus(float v) { return std::max(v, 0.0f) + std::log1p(std::exp(-std::abs(v))); }

extern "C" void forward(int batch, int L, int D, int N, int width, const float *x, const float *delta, const float *z,
                        const float *A, const float *B, const float *C, const float *skip, const float *bias,
                        float *y, float *ungated, float *kept) {
    const int chunks = (L + CHUNK - 1) / CHUNK, blocks = (D + width - 1) / width;
#pragma omp parallel for
    for (int task = 0; task < batch * blocks; ++task) {
        const int b = task / blocks, from = task % blocks * width, to = std::min(D, from + width);
        std::vector<float> state(size_t(N) * D, 0.0f);
        alignas(64) float dt[CHUNK][W], dx[CHUNK][W], out[CHUNK][W], h[W], a[W];
        for (int c = 0; c < chunks; ++c)
            for (int d = from; d < to; d += W) {
                const int start = c * CHUNK, steps = std::min(CHUNK, L - start);
                for (int t = 0; t < steps; ++t) {
                    const size_t at = (size_t(b) * L + start + t) * D + d;
                    LANES {
                        dt[t][l] = softplus(delta[at + l] + bias[d + l]);
                        dx[t][l] = dt[t][l] * x[at + l];
                        out[t][l] = skip[d + l] * x[at + l];
                    }
                }
                for (int n = 0; n < N; ++n) {
                    LANES { h[l] = state[n * D + d + l], a[l] = A[n * D + d + l]; }
                    std::memcpy(kept + ((size_t(b) * chunks + c) * N + n) * D + d, h, sizeof h);
                    for (int t = 0; t < steps; ++t) {
                        const size_t at = (size_t(b) * L + start + t) * N + n;
                        LANES {
                            h[l] = std::exp(dt[t][l] * a[l]) * h[l] + dx[t][l] * B[at];
                            out[t][l] += C[at] * h[l];
                        }
                    }
                    LANES state[n * D + d + l] = h[l];
                }
                for (int t = 0; t < steps; ++t) {
                    const size_t at = (size_t(b) * L + start + t) * D + d;
                    LANES {
                        ungated[at + l] = out[t][l];
                        y[at + l] = out[t][l] * z[at + l] * sigmoid(z[at + l]);
                    }
                }
            }
    }
}

extern "C" void backward(int batch, int L, int D, int N, int width, const float *x, const float *delta, const float *z,
                         const float *A, const float *B, const float *C, const float *skip, const float *bias,
                         const float *ungated, const float *kept, const float *gy, float *gx, float *gdelta, float *gz,
                         float *gA, float *gB, float *gC, float *gskip, float *gbias) {
    const int chunks = (L + CHUNK - 1) / CHUNK, blocks = (D + width - 1) / width;
#pragma omp parallel for
    for (int task = 0; task < batch * blocks; ++task) {
        const int b = task / blocks, from = task % blocks * width, to = std::min(D, from + width);
        std::vector<float> gstate(size_t(N) * D, 0.0f), sums(size_t(N) * 2 * CHUNK * W);
        alignas(64) float dt[CHUNK][W], dx[CHUNK][W], g_out[CHUNK][W], g_dt[CHUNK][W], g_dx[CHUNK][W];
        alignas(64) float decay[CHUNK][W], hs[CHUNK + 1][W], g[W], a[W], ga[W];
        for (int c = chunks - 1; c >= 0; --c) {
            const int start = c * CHUNK, steps = std::min(CHUNK, L - start);
            std::fill(sums.begin(), sums.end(), 0.0f);
            for (int d = from; d < to; d += W) {
                for (int t = 0; t < steps; ++t) {
                    const size_t at = (size_t(b) * L + start + t) * D + d;
                    LANES {
                        const float s = sigmoid(z[at + l]);
                        dt[t][l] = softplus(delta[at + l] + bias[d + l]);
                        dx[t][l] = dt[t][l] * x[at + l];
                        gz[at + l] = gy[at + l] * ungated[at + l] * s * (1.0f + z[at + l] * (1.0f - s));
                        g_out[t][l] = gy[at + l] * z[at + l] * s;
                        gskip[b * D + d + l] += g_out[t][l] * x[at + l];
                        g_dt[t][l] = g_dx[t][l] = 0.0f;
                    }
                }
                for (int n = 0; n < N; ++n) {
                    float *sum_B = &sums[size_t(2 * n) * CHUNK * W], *sum_C = sum_B + CHUNK * W;
                    std::memcpy(hs[0], kept + ((size_t(b) * chunks + c) * N + n) * D + d, sizeof hs[0]);
                    LANES { a[l] = A[n * D + d + l], g[l] = gstate[n * D + d + l], ga[l] = 0.0f; }
                    for (int t = 0; t < steps; ++t) {
                        const float B_t = B[(size_t(b) * L + start + t) * N + n];
                        LANES {
                            decay[t][l] = std::exp(dt[t][l] * a[l]);
                            hs[t + 1][l] = decay[t][l] * hs[t][l] + dx[t][l] * B_t;
                        }
                    }
                    for (int t = steps - 1; t >= 0; --t) {
                        const size_t at = (size_t(b) * L + start + t) * N + n;
                        LANES {
                            g[l] += g_out[t][l] * C[at];
                            sum_C[t * W + l] += g_out[t][l] * hs[t + 1][l];
                            sum_B[t * W + l] += g[l] * dx[t][l];
                            g_dx[t][l] += g[l] * B[at];
                            g[l] *= decay[t][l];
                            const float gv = g[l] * hs[t][l];
                            g_dt[t][l] += gv * a[l];
                            ga[l] += gv * dt[t][l];
                        }
                    }
                    LANES { gstate[n * D + d + l] = g[l], gA[(size_t(b) * N + n) * D + d + l] += ga[l]; }
                }
                for (int t = 0; t < steps; ++t) {
                    const size_t at = (size_t(b) * L + start + t) * D + d;
                    LANES {
                        const float slope = sigmoid(delta[at + l] + bias[d + l]);
                        gdelta[at + l] = (g_dt[t][l] + g_dx[t][l] * x[at + l]) * slope;
                        gbias[b * D + d + l] += gdelta[at + l];
                        gx[at + l] = g_out[t][l] * skip[d + l] + g_dx[t][l] * dt[t][l];
                    }
                }
            }
            for (int n = 0; n < N; ++n)
                for (int t = 0; t < steps; ++t) {
                    const float *sum_B = &sums[(size_t(2 * n) * CHUNK + t) * W], *sum_C = sum_B + CHUNK * W;
                    float total_B = 0.0f, total_C = 0.0f;
                    for (int l = 0; l < W; ++l) total_B += sum_B[l], total_C += sum_C[l];
                    const size_t at = ((size_t(task % blocks) * batch + b) * L + start + t) * N + n;
                    gB[at] = total_B, gC[at] = total_C;
                }
        }
    }
}

// What the machine can do at most: `rounds` times 16 independent vectors of 16 multiply-adds; returns a number so that
// nothing is optimised away.
extern "C" float multiply_adds(long rounds) {
    typedef float V __attribute__((vector_size(64)));
    V v[16], factor = V{} + 0.999f, term = V{} + 0.001f;
    for (auto &one : v) one = V{} + 0.5f;
    for (long i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
        for (int k = 0; k < 16; ++k) v[k] = v[k] * factor + term;
    }
    float total = 0.0f;
    for (auto &one : v)
        for (int l = 0; l < W; ++l) total += one[l];
    return total;
}
