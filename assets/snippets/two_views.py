"""One layer, two views: a state that marches through the tokens, and a kernel that slides over them."""

import numpy as np

L, z = 24, 0.85 * np.exp(1j * np.radians(40))  # one pole: kept and turned by every token
x = np.zeros(L)
x[3], x[8:11], x[16] = 1.0, 0.7, -0.9


def march(x, delta):
    h, y = 0, []
    for x_t, delta_t in zip(x, delta):
        h = z**delta_t * h + delta_t * x_t  # the state steps on, and takes up the input
        y.append(h.real)
    return np.array(y)


def slide(x):
    K = (z ** np.arange(L)).real  # what one token leaves behind, k tokens later
    return np.array([K[: t + 1] @ x[t::-1] for t in range(L)])


same = np.ones(L)  # every token lasts as long: time-invariant
y, y_slid = march(x, same), slide(x)
print("largest difference:", abs(y - y_slid).max())  # about 3e-16: rounding

# The same convolution by FFT, with zeros so that the end does not wrap around: L log L instead of L^2.
K = (z ** np.arange(L)).real
y_fft = np.fft.irfft(np.fft.rfft(K, 2 * L) * np.fft.rfft(x, 2 * L))[:L]
print("by FFT:", abs(y - y_fft).max())

delta = np.where(x != 0, 1.6, 0.2)  # selective: a token with something in it lasts longer
y_selective = march(x, delta)  # the march goes on as before; no kernel slides to this
M = np.column_stack([march(one, delta) for one in np.eye(L)])  # one row of M is the kernel of one output
