// The inner loops of the matrix unit. Included twice by mm.cc, once for every processor and once
// for those with vectors of 256 bits: NPU_TARGET is the attribute that says so. A product is
// rounded before it is added in both, so that they agree to the bit.

typedef float Floats __attribute__((vector_size(32)));
typedef uint32_t Words __attribute__((vector_size(32)));
typedef int32_t Integers __attribute__((vector_size(32)));
constexpr int kVector = 8;

// acc += sum, where accumulators hold T. (By reference: how vectors are passed depends on flags.)
template <class T>
NPU_TARGET inline void AddTo(uint32_t* acc, const Floats& sum) {
  if constexpr (std::is_same_v<T, float>) {
    Floats total;
    std::memcpy(&total, acc, sizeof total);
    total += sum;
    std::memcpy(acc, &total, sizeof total);
  } else {
    // Exact: see kExact in mm.cc.
    Words total;
    std::memcpy(&total, acc, sizeof total);
    total += (Words)__builtin_convertvector(sum, Integers);
    std::memcpy(acc, &total, sizeof total);
  }
}

// R rows and V vectors of columns, over all of k: for each step of `depth` values its products are
// summed in order, and the sum is added to the accumulators.
template <class T, int R, int V>
NPU_TARGET void Tile(const Steps& steps, const uint8_t* const* rows, const uint8_t* b,
                     uint32_t* const* acc) {
  for (int64_t i2 = 0; i2 < steps.k2; ++i2) {
    for (int64_t i1 = 0; i1 < steps.k1; ++i1) {
      const int64_t offset = i2 * steps.ak2 + i1 * steps.ak1;
      for (int64_t from = 0; from < steps.k0; from += steps.depth) {
        const int64_t to = from + steps.depth < steps.k0 ? from + steps.depth : steps.k0;
        Floats sums[R][V] = {};
        for (int64_t k = from; k < to; ++k, b += steps.row_bytes) {
          Floats weights[V];
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) std::memcpy(&weights[v], b + 32 * v, 32);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) {
            float value;
            std::memcpy(&value, rows[r] + offset + 4 * k, 4);
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) sums[r][v] += weights[v] * value;
          }
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) AddTo<T>(acc[r] + v * kVector, sums[r][v]);
        }
      }
    }
  }
}

// Any number of columns, one by one: chips whose columns are no multiple of 8.
template <class T>
NPU_TARGET void TileOfColumns(const Steps& steps, const uint8_t* row, const uint8_t* b,
                              uint32_t* acc, int64_t columns) {
  for (int64_t column = 0; column < columns; ++column) {
    const uint8_t* at = b + 4 * column;
    for (int64_t i2 = 0; i2 < steps.k2; ++i2) {
      for (int64_t i1 = 0; i1 < steps.k1; ++i1) {
        const int64_t offset = i2 * steps.ak2 + i1 * steps.ak1;
        for (int64_t from = 0; from < steps.k0; from += steps.depth) {
          const int64_t to = from + steps.depth < steps.k0 ? from + steps.depth : steps.k0;
          float sum = 0;
          for (int64_t k = from; k < to; ++k, at += steps.row_bytes) {
            float value, weight;
            std::memcpy(&value, row + offset + 4 * k, 4);
            std::memcpy(&weight, at, 4);
            sum += value * weight;
          }
          AddOne<T>(acc + column, sum);
        }
      }
    }
  }
}

// R rows of one block of columns.
template <class T, int R>
NPU_TARGET void Rows(const Steps& steps, const uint8_t* const* rows, const uint8_t* b,
                     uint32_t* const* acc, int64_t columns) {
  uint32_t* at[R];
  int64_t column = 0;
  for (; column + 2 * kVector <= columns; column += 2 * kVector) {
    for (int r = 0; r < R; ++r) at[r] = acc[r] + column;
    Tile<T, R, 2>(steps, rows, b + 4 * column, at);
  }
  for (; column + kVector <= columns; column += kVector) {
    for (int r = 0; r < R; ++r) at[r] = acc[r] + column;
    Tile<T, R, 1>(steps, rows, b + 4 * column, at);
  }
  for (int r = 0; r < R; ++r)
    TileOfColumns<T>(steps, rows[r], b + 4 * column, acc[r] + column, columns - column);
}

template <class T>
NPU_TARGET void Group(const Steps& steps, int count, const uint8_t* const* rows, const uint8_t* b,
                      uint32_t* const* acc, int64_t columns) {
  if (count == kRows) return Rows<T, kRows>(steps, rows, b, acc, columns);
  for (int r = 0; r < count; ++r) Rows<T, 1>(steps, rows + r, b, acc + r, columns);
}

NPU_TARGET void Convert(uint32_t dtype, const uint8_t* from, int64_t count, int32_t zero,
                        float* to) {
  ToFloats(dtype, from, count, zero, to);
}
