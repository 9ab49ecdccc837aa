"""Runs networks with ONNX Runtime and with `ohmic evaluate` and prints how far they are apart, and how fast they are.

The networks: those of onnx_cases.py, and files that are named. Called by scripts/compare_onnxruntime, which installs what it needs.

usage: scripts/compare_onnxruntime [MODEL.onnx ...] [--program build/release/ohmic] [--batch 32] [--repeat 20]
                                   [--threads N] [--cells] [--all-opsets] [--fixtures FILE] [--only TEXT]

--cells also evaluates the networks on simulated PCM with read noise and converters of 8 bits.
--fixtures writes models, inputs and ONNX Runtime's outputs into one file for the tests (tests/onnx/operators.safetensors).
Ends with exit code 1 if a difference is above 1e-4 of the largest output (or of 1, if that is larger).
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper
from safetensors.numpy import load_file, save_file

from onnx_cases import CASES, Net, numbers

TOLERANCE = 1e-4


def reference(model, x, threads=0):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session, session.run(None, {session.get_inputs()[0].name: x})[0]


def ours(program, model_path, x, folder, *options):
    save_file({"x": np.ascontiguousarray(x.astype(np.float32))}, folder / "x.safetensors")
    command = [program, "evaluate", str(model_path), "--inputs", str(folder / "x.safetensors"), "--out",
               str(folder / "y.safetensors"), "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        return None, done.stderr.strip()
    return next(iter(load_file(folder / "y.safetensors").values())), json.loads(done.stdout)


def difference(y, expected):
    """Largest difference, relative where outputs are above 1."""
    if y is None or y.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(y - expected)) / max(1.0, float(np.max(np.abs(expected)))))


def compare_cases(program, only):
    worst, failures = {}, []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for c in CASES:
            if only and only not in c.name:
                continue
            (folder / "model.onnx").write_bytes(c.model.SerializeToString())
            _, expected = reference(c.model.SerializeToString(), c.x)
            y, message = ours(program, folder / "model.onnx", c.x, folder, "--layout", "auto")
            d = difference(y, expected)
            worst[c.operator] = max(worst.get(c.operator, 0.0), d)
            if not d <= TOLERANCE:
                shape = "" if y is None else f"shape {y.shape} instead of {expected.shape}"
                failures.append(f"{c.name}: {d:.2g} {message if y is None else shape}")
    for operator in sorted(worst):
        print(f"{operator:28} {worst[operator]:.1e}")
    for failure in failures:
        print("  above the tolerance:", failure)
    print(f"{len(CASES)} models, {len(failures)} above {TOLERANCE:g}")
    return not failures


def write_corpus(folder):
    """The smallest model of each kind, for fuzzing to start from."""
    smallest = {}
    for c in CASES:
        bytes_, kind = c.model.SerializeToString(), c.name.rsplit(".", 1)[0]
        if kind not in smallest or len(bytes_) < len(smallest[kind]):
            smallest[kind] = bytes_
    for kind, bytes_ in smallest.items():
        (pathlib.Path(folder) / f"{kind}.onnx").write_bytes(bytes_)


def write_example(path):
    """An untrained network for images of 28 x 28, for tests of the commands."""
    net = Net(13)
    x = numbers(1, 1, 28, 28)
    y = net.add("Relu", net.add("Conv", "x", net.store(numbers(4, 1, 5, 5)), net.store(numbers(4)), strides=[4, 4], pads=[2, 2, 1, 1]))
    y = net.add("Flatten", net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2]))
    y = net.add("Gemm", y, net.store(numbers(10, 36)), net.store(numbers(10)), transB=1)
    pathlib.Path(path).write_bytes(net.model(x, y).SerializeToString())


def different_cases():
    """Of each case the first and the last opset, and those between in which it is written in another way."""
    groups = {}
    for c in CASES:
        groups.setdefault(c.name.rsplit(".", 1)[0], []).append(c)
    kept = []
    for group in groups.values():
        seen = set()
        for c in group:
            form = str([(n.op_type, len(n.input), [a.name for a in n.attribute]) for n in c.model.graph.node])
            if form not in seen or c is group[-1]:
                kept.append(c)
            seen.add(form)
    return kept


def write_fixtures(path):
    tensors, kept = {}, different_cases()
    for c in kept:
        _, expected = reference(c.model.SerializeToString(), c.x)
        tensors[c.name + "/model"] = np.frombuffer(c.model.SerializeToString(), dtype=np.uint8)
        tensors[c.name + "/x"] = c.x.astype(np.float32)
        tensors[c.name + "/y"] = np.ascontiguousarray(expected)
    save_file(tensors, path)
    print(f"{len(kept)} models in {path}, {pathlib.Path(path).stat().st_size} bytes")


def input_shape(session, batch):
    return [d if isinstance(d, int) else batch for d in session.get_inputs()[0].shape]


def with_open_batch(path):
    """The model with any number of samples, where a file says one."""
    model = onnx.load(path)
    for port in list(model.graph.input) + list(model.graph.output):
        if port.type.tensor_type.shape.dim:
            port.type.tensor_type.shape.dim[0].dim_param = "batch"
    for tensor in model.graph.initializer:  # shapes that say one sample
        if tensor.data_type == TensorProto.INT64 and len(tensor.dims) == 1:
            values = numpy_helper.to_array(tensor).copy()
            if len(values) == 2 and values[0] == 1:
                values[0] = -1
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return model.SerializeToString()


def compare_speed(program, paths, options):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for path in paths:
            model = with_open_batch(path)
            (folder / "model.onnx").write_bytes(model)
            session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
            shape = input_shape(session, options.batch)
            shape[0] = options.batch
            x = numbers(*shape, low=0, high=1)
            session, expected = reference(model, x, options.threads)
            name_in = session.get_inputs()[0].name
            best = min(timed(lambda: session.run(None, {name_in: x})) for _ in range(options.repeat))
            y, record = ours(program, folder / "model.onnx", x, folder, "--batch", str(options.batch), "--repeat", str(options.repeat),
                             "--threads", str(options.threads))
            if y is None:
                print(f"{path}: {record}")
                continue
            mine = record["seconds_per_sample"]
            print(f"{pathlib.Path(path).name}: batch {options.batch}, difference {difference(y, expected):.1e}, ONNX Runtime "
                  f"{1e3 * best / options.batch:.4f} ms, ohmic {1e3 * mine:.4f} ms per image, ratio {mine * options.batch / best:.2f}")


CELL_IMAGES, CELL_DRAWS = 128, 8


def time_on_cells(program, model_path, threads):
    """Seconds per image of `ohmic deploy`: what more draws cost, without programming and calibration. Synthetic images as large
    as the network's input."""
    def seconds(draws):
        command = [program, "deploy", str(model_path), "--device", "pcm_inference", "--at", "1d", "--compensate", "none",
                   "--dataset", DATASETS[onnx_inputs(model_path)], "--input-range", "0..1", "--draws", str(draws),
                   "--limit-images", str(CELL_IMAGES), "--threads", str(threads), "--out", str(model_path) + ".json", "--json"]
        return timed(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True))

    return (seconds(1 + CELL_DRAWS) - seconds(1)) / (CELL_DRAWS * CELL_IMAGES)


DATASETS = {28 * 28: "synthetic_digits", 3 * 32 * 32: "synthetic_images"}


def onnx_inputs(path):
    dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim[1:]
    return int(np.prod([d.dim_value for d in dims]))


def compare_cells(program, paths, options):
    """ONNX Runtime in fp32 and ohmic on cells in turn; medians over the rounds."""
    for path in paths:
        if onnx_inputs(path) not in DATASETS:
            print(f"{path}: no images of its size to evaluate it on cells with")
            continue
        with tempfile.TemporaryDirectory() as name:
            model_path = pathlib.Path(name) / "model.onnx"
            model_path.write_bytes(with_open_batch(path))
            session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
            shape = input_shape(session, options.batch)
            shape[0] = options.batch
            x = numbers(*shape, low=0, high=1)
            session, _ = reference(str(model_path), x, options.threads)
            name_in, theirs, ours_ = session.get_inputs()[0].name, [], []
            for _ in range(options.rounds):
                theirs.append(np.median([timed(lambda: session.run(None, {name_in: x})) for _ in range(options.repeat)]))
                ours_.append(time_on_cells(program, model_path, options.threads))
            theirs, mine = np.median(theirs) / options.batch, np.median(ours_)
            print(f"{pathlib.Path(path).name}: batch {options.batch}, ONNX Runtime {1e3 * theirs:.4f} ms, ohmic on cells "
                  f"{1e3 * mine:.4f} ms per image, ratio {mine / theirs:.2f}")


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--program", default="build/release/ohmic")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--cells", action="store_true")
    parser.add_argument("--rounds", type=int, default=5, help="of --cells, in turn with ONNX Runtime")
    parser.add_argument("--fixtures")
    parser.add_argument("--all-opsets", action="store_true", help="each operator in each opset up to 21")
    parser.add_argument("--corpus", help="folder to write a start for fuzzing into")
    parser.add_argument("--example", help="file to write a small network for images into")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    onnxruntime.set_default_logger_severity(3)
    if options.example:
        return write_example(options.example)
    if options.corpus:
        return write_corpus(options.corpus)
    if options.fixtures:
        return write_fixtures(options.fixtures)
    good = compare_cases(options.program, options.only)
    compare_speed(options.program, options.models, options)
    if options.cells:
        compare_cells(options.program, options.models, options)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
