// The vector unit's functions of one value.
#ifndef NPU_ACTIVATION_H_
#define NPU_ACTIVATION_H_

#include "instructions.h"

namespace npu {

// Of two, the larger or smaller; what is not a number wins.
template <class T>
inline T Larger(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
inline T Smaller(T a, T b) {
  return a < b || a != a ? a : b;
}

// t = act(t), for each; T is float or double. Transcendental functions are computed in float64.
template <class T>
void Activate(Act act, float p, float q, T* t, int64_t count);

}  // namespace npu

#endif  // NPU_ACTIVATION_H_
