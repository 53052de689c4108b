.chip small
.input 0 f32 6x24
.output 0 f32 6x24
.constants 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
.tmp 0
.limit cycles=1048576 steps=1048576

.composite 0 "npu.softmax" "/model/softmax"
# softmax of 6x24 over the rows
#   node /model/softmax
# Each row: its largest value is taken off, exponentials are summed, and divided by their sum.
# Configuration: slots 2
# 18 instructions in 18 records.
.buffer x0 in0 0x0 576
.buffer y out0 0x0 576  # the result
.buffer reduced sp 0x2000 8  # one value a row
.buffer results0 sp 0x0 192  # results
.buffer results1 sp 0x200 192  # results

# load results
load [results0] <- [x0] dims=(48@4:4) signal(compute)
# max over rows of results
red f32[reduced]{0, 4, 0} = max f32[results0]{0, 96, 4} shape=1x2x24 wait(load)
# sub, exp into results
vec f32[results0]{0, 96, 4} = f32[results0]{0, 96, 4} sub f32[reduced]{0, 4, 0} shape=1x2x24 act=exp
# sum over rows of results
red f32[reduced]{0, 4, 0} = sum f32[results0]{0, 96, 4} shape=1x2x24
# div into results
vec f32[results0]{0, 96, 4} = f32[results0]{0, 96, 4} div f32[reduced]{0, 4, 0} shape=1x2x24 signal(store)
# store results
store [y] <- [results0] dims=(48@4:4) wait(compute) signal(load)
# load results
load [results1] <- [x0 + 192] dims=(48@4:4) signal(compute)
# max over rows of results
red f32[reduced]{0, 4, 0} = max f32[results1]{0, 96, 4} shape=1x2x24 wait(load)
# sub, exp into results
vec f32[results1]{0, 96, 4} = f32[results1]{0, 96, 4} sub f32[reduced]{0, 4, 0} shape=1x2x24 act=exp
# sum over rows of results
red f32[reduced]{0, 4, 0} = sum f32[results1]{0, 96, 4} shape=1x2x24
# div into results
vec f32[results1]{0, 96, 4} = f32[results1]{0, 96, 4} div f32[reduced]{0, 4, 0} shape=1x2x24 signal(store)
# store results
store [y + 192] <- [results1] dims=(48@4:4) wait(compute)
# load results
load [results0] <- [x0 + 384] dims=(48@4:4) wait(store) signal(compute)
# max over rows of results
red f32[reduced]{0, 4, 0} = max f32[results0]{0, 96, 4} shape=1x2x24 wait(load)
# sub, exp into results
vec f32[results0]{0, 96, 4} = f32[results0]{0, 96, 4} sub f32[reduced]{0, 4, 0} shape=1x2x24 act=exp
# sum over rows of results
red f32[reduced]{0, 4, 0} = sum f32[results0]{0, 96, 4} shape=1x2x24
# div into results
vec f32[results0]{0, 96, 4} = f32[results0]{0, 96, 4} div f32[reduced]{0, 4, 0} shape=1x2x24 signal(store)
# store results
store [y + 384] <- [results0] dims=(48@4:4) wait(compute)

halt
