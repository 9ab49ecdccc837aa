"""The networks of scripts/compare_onnxruntime: each operator alone over the opsets in which it changed, and small nets made of
them (recurrent, attention, an export with channels last). `CASES` holds them all; adding one is adding a function with @case.
"""

import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSETS = (7, 9, 10, 11, 13, 15, 17, 18, 20, 21)
ALL_OPSETS = "--all-opsets" in sys.argv
random = np.random.default_rng(1)


def numbers(*shape, low=-1.0, high=1.0):
    return random.uniform(low, high, shape).astype(np.float32)


class Net:
    """A model in the making, in one opset."""

    def __init__(self, opset, batch=None):
        self.opset, self.batch = opset, batch
        self.nodes, self.stored, self.count = [], [], 0

    def store(self, values):
        name = f"w{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def whole(self, *values):
        return self.store(np.array(values, dtype=np.int64))

    def add(self, operator, *inputs, outputs=1, **attributes):
        names = [f"t{self.count + k}" for k in range(outputs)]
        self.count += outputs
        self.nodes.append(helper.make_node(operator, list(inputs), names, name=f"n{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def listed(self, operator, x, name, values, since, **attributes):
        """An operator whose list is an attribute before opset `since`, and an input from there on."""
        if self.opset >= since:
            return self.add(operator, x, self.whole(*values), **attributes)
        return self.add(operator, x, **{name: list(values)}, **attributes)

    def slice(self, x, starts, ends, axes, steps=None):
        if self.opset >= 10:
            lists = [self.whole(*v) for v in (starts, ends, axes)] + ([self.whole(*steps)] if steps else [])
            return self.add("Slice", x, *lists)
        return self.add("Slice", x, starts=starts, ends=ends, axes=axes)

    def clip(self, x, low, high):
        if self.opset >= 11:
            return self.add("Clip", x, self.store(np.float32(low)), self.store(np.float32(high)))
        return self.add("Clip", x, min=float(low), max=float(high))

    def pad(self, x, pads, value=0.0, mode="constant"):
        if self.opset >= 11:
            inputs = [self.whole(*pads)] + ([self.store(np.float32(value))] if mode == "constant" else [])
            return self.add("Pad", x, *inputs, mode=mode)
        return self.add("Pad", x, pads=list(pads), value=float(value), mode=mode)

    def model(self, x, y, x_type=TensorProto.FLOAT, batch_axis=0):
        dims = list(x.shape)
        dims[batch_axis] = self.batch if self.batch else "batch"
        port = helper.make_tensor_value_info("x", x_type, dims)
        out = helper.make_tensor_value_info(y, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "net", [port], [out], self.stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=min(10, max(3, self.opset - 6)))


class Case:
    def __init__(self, operator, name, model, x):
        self.operator, self.name, self.model, self.x = operator, name, model, x


IMAGE = (2, 3, 4, 3)
CASES = []


def case(operator, shape=IMAGE, since=7, low=-1.0, high=1.0, opsets=OPSETS, batch=None, batch_axis=0):
    """Registers a function (net, x) -> y as a case in each opset from `since` on."""

    def register(build):
        first = max(since, min(opsets))
        for opset in range(first, 22) if ALL_OPSETS else [o for o in opsets if o >= first]:
            net = Net(opset, batch)
            x = numbers(*shape, low=low, high=high)
            y = build(net, "x")
            label = build.__name__.strip("_")
            CASES.append(Case(operator, f"{label}.{opset}", net.model(x, y, batch_axis=batch_axis), x))
        return build

    return register


# Operators of one input without a list, and what they are given.
for name, since, attributes in [("Relu", 7, {}), ("LeakyRelu", 7, {"alpha": 0.2}), ("Sigmoid", 7, {}), ("Tanh", 7, {}),
                                ("HardSigmoid", 7, {"alpha": 0.3, "beta": 0.4}), ("HardSwish", 14, {}), ("Erf", 9, {}),
                                ("Softmax", 7, {"axis": 1}), ("LogSoftmax", 7, {"axis": 1}), ("Softmax", 13, {"axis": 2}),
                                ("LogSoftmax", 13, {"axis": -1}), ("Flatten", 7, {}), ("Flatten", 7, {"axis": 3}), ("Identity", 7, {}),
                                ("Dropout", 7, {}), ("LRN", 7, {"size": 3, "alpha": 0.1, "beta": 0.6, "bias": 1.5}),
                                ("GlobalAveragePool", 7, {}), ("Gelu", 20, {}), ("Gelu", 20, {"approximate": "tanh"}),
                                ("Transpose", 7, {"perm": [0, 2, 3, 1]}), ("Transpose", 7, {"perm": [0, 3, 1, 2]})]:
    last = 12 if "axis" in attributes and since < 13 and name.endswith("Softmax") else 21
    for opset in range(since, last + 1) if ALL_OPSETS else (since, last):
        net = Net(opset)
        x = numbers(*IMAGE, low=-4, high=4)
        label = "".join(c for c in "_".join([name] + [str(v) for v in attributes.values()]).lower() if c.isalnum() or c == "_")
        if name == "Flatten" and attributes:
            y = net.add("Flatten", net.add("Transpose", "x", perm=[0, 2, 1, 3]), axis=1)
        else:
            y = net.add(name, "x", **attributes)
        CASES.append(Case(name, f"{label}.{opset}", net.model(x, y), x))


@case("Conv", opsets=(7, 11, 21))
def conv_padded(net, x):
    return net.add("Conv", x, net.store(numbers(4, 3, 3, 2)), net.store(numbers(4)), pads=[1, 0, 2, 1], strides=[2, 1])


@case("Conv", opsets=(7, 11))
def conv_same_upper(net, x):
    return net.add("Conv", x, net.store(numbers(4, 3, 2, 4)), auto_pad="SAME_UPPER", strides=[2, 3])


@case("Conv", opsets=(7,))
def conv_same_lower(net, x):
    return net.add("Conv", x, net.store(numbers(4, 3, 2, 4)), auto_pad="SAME_LOWER")


@case("Conv", shape=(2, 4, 9, 8), opsets=(11,))
def conv_groups_dilated(net, x):
    return net.add("Conv", x, net.store(numbers(6, 2, 3, 3)), net.store(numbers(6)), group=2, dilations=[2, 1])


@case("Conv", shape=(2, 4, 6, 6), opsets=(13,))
def conv_depthwise(net, x):
    return net.add("Conv", x, net.store(numbers(4, 1, 3, 3)), group=4, pads=[1, 1, 1, 1])


@case("Conv", shape=(2, 3, 12), opsets=(11,))
def conv_one_dimension(net, x):
    return net.add("Conv", x, net.store(numbers(5, 3, 3)), net.store(numbers(5)), pads=[1, 1], strides=[2])


@case("ConvTranspose", shape=(2, 3, 4, 5), opsets=(7, 11))
def convtranspose(net, x):
    return net.add("ConvTranspose", x, net.store(numbers(3, 4, 3, 2)), net.store(numbers(4)), strides=[2, 3], pads=[1, 0, 0, 1],
                   output_padding=[1, 0])


@case("ConvTranspose", shape=(2, 4, 4, 5), opsets=(11,))
def convtranspose_groups(net, x):
    return net.add("ConvTranspose", x, net.store(numbers(4, 3, 3, 3)), group=2, dilations=[2, 1])


@case("ConvTranspose", shape=(2, 3, 4, 4), opsets=(11,))
def convtranspose_same(net, x):
    return net.add("ConvTranspose", x, net.store(numbers(3, 2, 3, 3)), auto_pad="SAME_UPPER", strides=[2, 2])


@case("ConvTranspose", shape=(2, 3, 4, 4), opsets=(11,))
def convtranspose_shape(net, x):
    return net.add("ConvTranspose", x, net.store(numbers(3, 2, 3, 3)), output_shape=[9, 8], strides=[2, 2])


@case("Gemm", shape=(3, 5), opsets=(7, 9, 11, 13))
def gemm(net, x):
    return net.add("Gemm", x, net.store(numbers(4, 5)), net.store(numbers(4)), transB=1, alpha=0.5, beta=2.0)


@case("Gemm", shape=(3, 5), opsets=(11, 13))
def gemm_without_bias(net, x):
    return net.add("Gemm", x, net.store(numbers(5, 4)))


@case("MatMul", shape=(2, 3, 5), opsets=(7, 9, 13))
def matmul_weights(net, x):
    return net.add("Add", net.add("MatMul", x, net.store(numbers(5, 4))), net.store(numbers(4)))


@case("MatMul", shape=(2, 3, 5), opsets=(13,))
def matmul_activations(net, x):
    return net.add("MatMul", x, net.add("Transpose", x, perm=[0, 2, 1]))


@case("MatMul", shape=(2, 3, 5), opsets=(13,))
def matmul_weights_first(net, x):
    return net.add("MatMul", net.store(numbers(4, 3)), x)


@case("MatMul", shape=(2, 2, 3, 5), opsets=(13,))
def matmul_many_weights(net, x):
    return net.add("MatMul", x, net.store(numbers(2, 5, 4)))


@case("BatchNormalization", opsets=(7, 9, 14, 15))
def batchnorm(net, x):
    return net.add("BatchNormalization", x, *[net.store(numbers(3, low=0.5, high=1.5)) for _ in range(4)], epsilon=1e-3)


@case("BatchNormalization", shape=(3, 4), opsets=(9,))
def batchnorm_vectors(net, x):
    return net.add("BatchNormalization", x, *[net.store(numbers(4, low=0.5, high=1.5)) for _ in range(4)])


@case("LayerNormalization", shape=(2, 4, 6), since=17, opsets=(17, 21))
def layernorm(net, x):
    return net.add("LayerNormalization", x, net.store(numbers(6)), net.store(numbers(6)))


@case("LayerNormalization", shape=(2, 3, 4, 5), since=17, opsets=(17,))
def layernorm_two_axes(net, x):
    return net.add("LayerNormalization", x, net.store(numbers(4, 5)), axis=-2)


@case("Clip", opsets=(7, 11, 13))
def clip(net, x):
    return net.clip(x, -0.3, 0.5)


@case("MaxPool", opsets=(7, 8, 10, 11, 12))
def maxpool(net, x):
    return net.add("MaxPool", x, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])


@case("MaxPool", opsets=(10, 12))
def maxpool_ceil(net, x):
    return net.add("MaxPool", x, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)


@case("AveragePool", opsets=(7, 10, 11, 19, 21))
def averagepool(net, x):
    return net.add("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])


@case("AveragePool", opsets=(7, 19))
def averagepool_with_border(net, x):
    return net.add("AveragePool", x, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 0, 1], count_include_pad=1)


@case("AveragePool", opsets=(10, 19))
def averagepool_ceil(net, x):
    return net.add("AveragePool", x, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)


@case("AveragePool", shape=(2, 3, 8, 6), opsets=(19,))
def averagepool_ceil_with_border(net, x):
    return net.add("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 1], ceil_mode=1, count_include_pad=1)


@case("Add", opsets=(7, 13, 14))
def add_channels(net, x):
    return net.add("Add", x, net.store(numbers(3, 1, 1)))


@case("Add", opsets=(7,))
def add_conv_bias(net, x):
    return net.add("Add", net.add("Conv", x, net.store(numbers(4, 3, 3, 3))), net.store(numbers(4, 1, 1)))


@case("Add", opsets=(13,))
def add_itself_transposed(net, x):
    pooled = net.add("GlobalAveragePool", x)
    return net.add("Add", net.add("Relu", x), pooled)


@case("Sub", opsets=(7, 13))
def sub_from_constant(net, x):
    return net.add("Sub", net.store(numbers(3, 1, 3)), x)


@case("Mul", opsets=(7, 13))
def mul_by_gate(net, x):
    return net.add("Mul", x, net.add("Sigmoid", net.add("GlobalAveragePool", x)))


@case("Div", low=0.5, high=2.0, opsets=(7, 13))
def div(net, x):
    return net.add("Div", net.store(np.float32(2.0)), net.add("Div", x, net.store(numbers(4, 1, low=1, high=2))))


@case("Sqrt", low=0.1, high=2.0, opsets=(7, 13))
def sqrt(net, x):
    return net.add("Sqrt", x)


@case("Pow", low=0.1, high=2.0, opsets=(7, 12, 13))
def pow(net, x):
    return net.add("Pow", net.add("Pow", x, net.store(np.float32(2.0))), net.store(np.float32(1.3)))


@case("Concat", opsets=(7, 11, 13))
def concat_channels(net, x):
    return net.add("Concat", x, net.add("Relu", x), axis=1)


@case("Concat", opsets=(13,))
def concat_rows(net, x):
    return net.add("Concat", x, net.add("Relu", x), axis=2)


@case("Concat", shape=(2, 3, 4), opsets=(13,), batch=2)
def concat_token(net, x):
    return net.add("Concat", net.store(np.repeat(numbers(1, 1, 4), 2, axis=0)), x, axis=1)


@case("Split", shape=(2, 6, 4), opsets=(7, 11, 13, 18))
def split(net, x):
    if net.opset >= 13:
        parts = net.add("Split", x, net.whole(2, 4), outputs=2, axis=1)
    else:
        parts = net.add("Split", x, outputs=2, axis=1, split=[2, 4])
    return net.add("Relu", parts[1])


@case("Split", shape=(2, 5, 4), opsets=(18,))
def split_evenly(net, x):
    parts = net.add("Split", x, outputs=2, axis=1, num_outputs=2)
    return net.add("Relu", parts[1])


@case("Slice", opsets=(7, 10, 11, 13))
def slice_rows(net, x):
    return net.slice(x, [1, -4], [4, 3], [2, 3])


@case("Slice", opsets=(10, 13))
def slice_backwards(net, x):
    return net.slice(x, [-1, 0], [-100, 100], [3, 1], [-2, 2])


@case("Gather", opsets=(7, 11, 13))
def gather(net, x):
    return net.add("Gather", x, net.whole(3, 0, 0, 2), axis=2)


@case("Gather", shape=(2, 5, 4), opsets=(13,))
def gather_one(net, x):
    return net.add("Gather", x, net.store(np.array(0, dtype=np.int64)), axis=1)


@case("Reshape", opsets=(7, 13, 14, 19))
def reshape(net, x):
    return net.add("Reshape", x, net.whole(0, -1, 3))


@case("Reshape", shape=(1, 3, 4, 4), batch=1, opsets=(8, 13))
def reshape_single(net, x):
    return net.add("MatMul", net.add("Reshape", x, net.whole(1, 48)), net.store(numbers(48, 5)))


@case("Squeeze", shape=(2, 1, 5, 1), opsets=(7, 11, 13))
def squeeze(net, x):
    return net.listed("Squeeze", net.add("Relu", x), "axes", [1, 3], 13)


@case("Unsqueeze", shape=(2, 5), opsets=(7, 11, 13))
def unsqueeze(net, x):
    return net.listed("Unsqueeze", net.add("Relu", x), "axes", [1, 3], 13)


@case("Pad", opsets=(7, 11, 13, 18))
def pad(net, x):
    return net.pad(x, [0, 0, 1, 2, 0, 0, 0, 3], 0.5)


@case("Pad", opsets=(7, 11))
def pad_reflect(net, x):
    return net.pad(x, [0, 0, 2, 1, 0, 0, 1, 2], mode="reflect")


@case("Pad", opsets=(11,))
def pad_edge(net, x):
    return net.pad(x, [0, 1, 2, 1, 0, 0, 1, 2], mode="edge")


@case("ReduceMean", opsets=(7, 11, 13, 18))
def mean_of_image(net, x):
    return net.listed("ReduceMean", x, "axes", [2, 3], 18, keepdims=0)


@case("ReduceMean", shape=(2, 4, 6), opsets=(13, 18))
def mean_of_tokens(net, x):
    return net.listed("ReduceMean", x, "axes", [1], 18, keepdims=1)


def lstm_weights(net, directions, inputs, units):
    return [net.store(numbers(directions, 4 * units, inputs)), net.store(numbers(directions, 4 * units, units)),
            net.store(numbers(directions, 8 * units))]


@case("LSTM", shape=(5, 3, 4), batch_axis=1, opsets=(7, 14))
def lstm(net, x):
    return net.add("LSTM", x, *lstm_weights(net, 1, 4, 6), outputs=2, hidden_size=6)[0]


@case("LSTM", shape=(5, 3, 4), batch_axis=1, opsets=(7, 14))
def lstm_reverse_last(net, x):
    return net.add("LSTM", x, *lstm_weights(net, 1, 4, 6), outputs=2, hidden_size=6, direction="reverse")[1]


@case("LSTM", shape=(5, 3, 4), batch_axis=1, opsets=(14,))
def lstm_both_ways(net, x):
    return net.add("LSTM", x, *lstm_weights(net, 2, 4, 6), outputs=2, hidden_size=6, direction="bidirectional")[0]


@case("net: recurrent", shape=(3, 5, 4), opsets=(11, 17))
def net_recurrent(net, x):
    steps_first = net.add("Transpose", x, perm=[1, 0, 2])
    out = net.add("LSTM", steps_first, *lstm_weights(net, 2, 4, 6), outputs=2, hidden_size=6, direction="bidirectional")[0]
    joined = net.add("Reshape", net.add("Transpose", out, perm=[0, 2, 1, 3]), net.whole(0, 0, -1))
    last = net.add("Gather", net.add("Transpose", joined, perm=[1, 0, 2]), net.store(np.array(-1, dtype=np.int64)), axis=1)
    return net.add("Softmax", net.add("Gemm", last, net.store(numbers(12, 3)), net.store(numbers(3))), axis=1)


def dynamic_shape(net, x, *rest):
    """[size of the batch, rest...], computed as PyTorch does it."""
    batch = net.add("Gather", net.add("Shape", x), net.store(np.array(0, dtype=np.int64)), axis=0)
    parts = [net.listed("Unsqueeze", batch, "axes", [0], 13)] + [net.whole(r) for r in rest]
    return net.add("Concat", *parts, axis=0)


def layer_norm(net, x, width):
    if net.opset >= 17:
        return net.add("LayerNormalization", x, net.store(numbers(width)), net.store(numbers(width)))
    centred = net.add("Sub", x, net.listed("ReduceMean", x, "axes", [-1], 18))
    variance = net.listed("ReduceMean", net.add("Pow", centred, net.store(np.float32(2))), "axes", [-1], 18)
    root = net.add("Sqrt", net.add("Add", variance, net.store(np.float32(1e-5))))
    return net.add("Add", net.add("Mul", net.add("Div", centred, root), net.store(numbers(width))), net.store(numbers(width)))


@case("net: transformer encoder", shape=(2, 5, 8), opsets=(11, 13, 17, 20))
def net_transformer(net, x):
    heads, tokens, width = 2, 5, 8

    def projected(y, inputs, outputs):
        return net.add("Add", net.add("MatMul", y, net.store(numbers(inputs, outputs))), net.store(numbers(outputs)))

    def heads_of(y):
        return net.add("Transpose", net.add("Reshape", y, dynamic_shape(net, x, tokens, heads, width // heads)), perm=[0, 2, 1, 3])

    y = layer_norm(net, x, width)
    q, k, v = (heads_of(projected(y, width, width)) for _ in range(3))
    scores = net.add("Div", net.add("MatMul", q, net.add("Transpose", k, perm=[0, 1, 3, 2])), net.store(np.float32(2)))
    attention = net.add("MatMul", net.add("Softmax", scores, axis=3), v)
    joined = net.add("Reshape", net.add("Transpose", attention, perm=[0, 2, 1, 3]), dynamic_shape(net, x, tokens, width))
    x = net.add("Add", x, projected(joined, width, width))
    inner = projected(layer_norm(net, x, width), width, 4 * width)
    if net.opset >= 20:
        active = net.add("Gelu", inner)
    else:
        erf = net.add("Erf", net.add("Div", inner, net.store(np.float32(np.sqrt(2)))))
        active = net.add("Mul", net.add("Mul", inner, net.add("Add", erf, net.store(np.float32(1)))), net.store(np.float32(0.5)))
    x = net.add("Add", x, projected(active, 4 * width, width))
    return net.add("MatMul", net.listed("ReduceMean", x, "axes", [1], 18, keepdims=0), net.store(numbers(width, 3)))


@case("net: fused qkv", shape=(2, 5, 8), opsets=(13,))
def net_fused_qkv(net, x):
    qkv = net.add("Reshape", net.add("MatMul", x, net.store(numbers(8, 24))), dynamic_shape(net, x, 5, 3, 2, 4))
    qkv = net.add("Transpose", qkv, perm=[2, 0, 3, 1, 4])
    q, k, v = (net.add("Gather", qkv, net.store(np.array(i, dtype=np.int64)), axis=0) for i in range(3))
    scores = net.add("Softmax", net.add("MatMul", q, net.add("Transpose", k, perm=[0, 1, 3, 2])), axis=-1)
    mixed = net.add("Transpose", net.add("MatMul", scores, v), perm=[0, 2, 1, 3])
    return net.add("Reshape", mixed, dynamic_shape(net, x, 5, 8))


@case("net: channels last", shape=(2, 8, 8, 3), opsets=(9, 13))
def net_nhwc(net, x):
    y = net.add("Transpose", x, perm=[0, 3, 1, 2])
    y = net.add("Relu", net.add("Conv", y, net.store(numbers(4, 3, 3, 3)), net.store(numbers(4)), auto_pad="SAME_UPPER", strides=[2, 2]))
    y = net.add("Transpose", y, perm=[0, 2, 3, 1])
    y = net.add("Transpose", net.add("Add", y, net.store(numbers(4))), perm=[0, 3, 1, 2])
    y = net.add("Transpose", net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2]), perm=[0, 2, 3, 1])
    return net.add("Gemm", net.add("Reshape", y, net.whole(-1, 16)), net.store(numbers(16, 5)), net.store(numbers(5)))


@case("net: channels first", shape=(2, 3, 8, 8), opsets=(9, 13))
def net_nchw(net, x):
    y = net.add("Conv", x, net.store(numbers(6, 3, 3, 3)), pads=[1, 1, 1, 1])
    y = net.add("Relu", net.add("BatchNormalization", y, *[net.store(numbers(6, low=0.5, high=1.5)) for _ in range(4)]))
    z = net.clip(net.add("Conv", y, net.store(numbers(6, 1, 3, 3)), pads=[1, 1, 1, 1], group=6), 0, 6)
    y = net.add("Concat", net.add("Add", y, z), z, axis=1)
    y = net.add("Flatten", net.add("AveragePool", y, kernel_shape=[4, 4], strides=[4, 4]))
    return net.add("Gemm", y, net.store(numbers(5, 48)), net.store(numbers(5)), transB=1)


def embedding_case():
    net = Net(13)
    x = random.integers(0, 7, (3, 4)).astype(np.int64)
    y = net.add("Gather", net.store(numbers(7, 5)), "x", axis=0)
    CASES.append(Case("Gather", "gather_embedding.13", net.model(x, y, TensorProto.INT64), x))


embedding_case()
