"""Constants: initializers of the model, read without copying where their memory allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TypeProto, helper, numpy_helper
from onnx.external_data_helper import uses_external_data

from byoc.errors import ModelError
from byoc.frontends.onnx.load import Source, external_file
from byoc.frontends.onnx.types import relax_dtype
from byoc.frontends.onnx.values import Array, Value


def initializers(source: Source) -> dict[str, Value]:
    """Return the values of the graph's initializers by name."""
    graph = source.proto.graph
    values = {each.name: read_tensor(each, source) for each in graph.initializer}
    for sparse in graph.sparse_initializer:
        values[sparse.values.name] = constant_value(sparse.values.name, densify(sparse), ())
    return values


def read_tensor(tensor: onnx.TensorProto, source: Source) -> Value:
    """Read one TensorProto; raises ModelError when its data does not fit its shape."""
    try:
        array = (
            _mapped(tensor, source) if uses_external_data(tensor) else numpy_helper.to_array(tensor)
        )
        if array.shape != tuple(tensor.dims):
            raise ValueError(f"dimensions {list(tensor.dims)}")
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ModelError(
            f"{source.name}: the data of tensor {tensor.name!r} does not fit its type and shape ({error}). "
            "Export the model again."
        ) from error
    return constant_value(tensor.name, array, ())


def constant_value(name: str, array: Array, carried: tuple[str, ...]) -> Value:
    """Make a constant; one that no Relax tensor holds (strings, 4-bit integers, complex) is opaque."""
    element = onnx.TensorProto.STRING
    if array.dtype != object and array.dtype.kind not in "US":
        element = helper.np_dtype_to_tensor_dtype(array.dtype)
    opaque: TypeProto | None = None
    if relax_dtype(element) is None:
        opaque = helper.make_tensor_type_proto(element, array.shape)
    return Value(name, array=array, opaque=opaque, carried=carried)


def _mapped(tensor: onnx.TensorProto, source: Source) -> Array:
    """Map external data; copy-on-write, because Relax takes writable memory only."""
    path, offset, length = external_file(tensor, source.folder, source.name)
    dtype: Any = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    if relax_dtype(tensor.data_type) is None:
        copy = onnx.TensorProto()
        copy.CopyFrom(tensor)
        onnx.external_data_helper.load_external_data_for_tensor(copy, str(source.folder))
        return np.asarray(numpy_helper.to_array(copy))
    shape = tuple(tensor.dims)
    if length == 0:
        return np.zeros(shape, dtype)
    raw = np.memmap(path, "uint8", "c", offset, (length,))
    array: Array = np.asarray(raw).view(dtype).reshape(shape)
    return array


def densify(sparse: onnx.SparseTensorProto) -> Array:
    """Return a sparse tensor as a dense array."""
    data, indices = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    dense = np.zeros(tuple(sparse.dims), data.dtype)
    if indices.ndim == 1:
        dense.reshape(-1)[indices] = data
    else:
        dense[tuple(indices.T)] = data
    return dense
