// The vector unit's functions of one value.
#ifndef NPU_ACTIVATION_H_
#define NPU_ACTIVATION_H_

#include "instructions.h"

namespace npu {

// Of two, the larger or smaller; what is not a number wins.
inline float Larger(float a, float b) { return a > b || a != a ? a : b; }
inline float Smaller(float a, float b) { return a < b || a != a ? a : b; }

// t = act(t), for each. Transcendental functions are computed in float64 and rounded once.
void Activate(Act act, float p, float q, float* t, int64_t count);

}  // namespace npu

#endif  // NPU_ACTIVATION_H_
