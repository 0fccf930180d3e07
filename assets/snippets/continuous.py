"""A kick to a mass on a spring: state and output, exactly. Needs numpy and scipy."""

import numpy as np
from scipy.linalg import expm

m, b, k = 1.0, 0.5, 4.0  # mass, damper, spring
A = np.array([[0, 1], [-k / m, -b / m]])  # position changes by speed; speed by spring and damper
B = np.array([0, 1 / m])  # a push changes the speed
C = np.array([1, 0])  # we see the position
D = 0.0  # nothing passes the state

poles = np.linalg.eigvals(A)
print("poles", poles, "- down to 1/e after", -1 / poles.real.max(), "s")

hold = 0.125  # seconds for which each value of the push is held
x = np.zeros(96)
x[8:12] = 1.0  # the kick

# exp of [[A, B], [0, 0]] holds both: how the state moves by itself, and what a held push adds to it
grown = expm(hold * np.block([[A, B[:, None]], [np.zeros((1, 3))]]))
A_bar, B_bar = grown[:2, :2], grown[:2, 2]

h = np.zeros((len(x) + 1, 2))
for t in range(len(x)):
    h[t + 1] = A_bar @ h[t] + B_bar * x[t]
y = h @ C + D * np.append(x, x[-1])

for t in range(0, 97, 8):
    print(f"{t * hold:4.0f} s  position {h[t, 0]:6.3f}  speed {h[t, 1]:6.3f}  output {y[t]:6.3f}")
