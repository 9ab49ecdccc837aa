"""Step times of ohmic against PyTorch in fp32, in turn. Called by scripts/compare_pytorch.

Each figure is the median over the rounds; in a round both sides run one after the other in processes of their own, so
that peak memory is each side's own.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

CASES = [
    # name, what PyTorch runs, ohmic's benchmark, goal of the ratio
    ("ResNet-32 step, batch 100", "resnet_step", "Step/cifar10_resnet32/manual_time", 1.0),
    ("CIFAR-10 CNN step, batch 100", "cnn_step", "Step/cifar10_cnn/manual_time", 1.0),
    ("PTB LSTM step, 32 x 50", "lstm_step", "Step/ptb_lstm/manual_time", 1.5),
    ("ResNet-32 inference, batch 256", "resnet_inference", "Inference/cifar10_resnet32/manual_time", 0.7),
]


def build(case):
    """The networks of experiments/, in PyTorch. Returns (one step, no arguments)."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    def conv(inputs, outputs, stride=1, kernel=3):
        return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
                             nn.BatchNorm2d(outputs))

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.first, self.second = conv(inputs, outputs, stride), conv(outputs, outputs)
            self.around = conv(inputs, outputs, stride, 1) if stride != 1 else nn.Identity()

        def forward(self, x):
            return F.relu(self.second(F.relu(self.first(x))) + self.around(x))

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    def resnet():
        layers, inputs = [conv(3, 16), nn.ReLU()], 16
        for stage, outputs in enumerate((16, 32, 64)):
            for block in range(5):
                layers.append(Block(inputs, outputs, 2 if block == 0 and stage > 0 else 1))
                inputs = outputs
        return nn.Sequential(*layers, Mean(), nn.Linear(64, 10))

    def cnn():
        layers, inputs = [], 3
        for outputs, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1)):
            layers += [conv(inputs, outputs, stride), nn.ReLU()]
            inputs = outputs
        return nn.Sequential(*layers, Mean(), nn.Linear(64, 10))

    class Lstm(nn.Module):
        def __init__(self, characters=50, units=128):
            super().__init__()
            self.characters = characters
            self.lstm, self.out = nn.LSTM(characters, units, batch_first=True), nn.Linear(units, characters)

        def forward(self, x):
            return self.out(self.lstm(F.one_hot(x, self.characters).float())[0])

    def training(net, x, y, optimizer):
        def step():
            optimizer.zero_grad()
            out = net(x)
            F.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1)).backward()
            optimizer.step()

        return step

    torch.manual_seed(1)
    if case == "lstm_step":
        net = Lstm()
        x, y = torch.randint(0, 50, (32, 50)), torch.randint(0, 50, (32, 50))
        return training(net, x, y, torch.optim.Adam(net.parameters(), 0.002))
    net = (resnet() if case.startswith("resnet") else cnn()).to(memory_format=torch.channels_last)
    batch = 256 if case.endswith("inference") else 100
    x = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    if case.endswith("inference"):
        net.eval()

        def infer():
            with torch.no_grad():
                net(x)

        return infer
    y = torch.randint(0, 10, (batch,))
    return training(net, x, y, torch.optim.SGD(net.parameters(), 0.1, momentum=0.9))


def measure_pytorch(case, threads):
    import torch

    torch.set_num_threads(threads)
    empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = build(case)
    for _ in range(2):
        step()
    seconds = []
    while len(seconds) < 5 or (sum(seconds) < 2 and len(seconds) < 100):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": statistics.median(seconds), "mib": (peak - empty) / 1024}


def run_pytorch(case, threads):
    command = [sys.executable, __file__, "--measure", case, "--threads", str(threads)]
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def run_ohmic(bench, name, threads):
    """The median step, and the peak memory of the whole process."""
    command = [bench, f"--benchmark_filter=^{name}$", "--benchmark_format=json", "--benchmark_min_time=2"]
    environment = dict(os.environ, OHMIC_BENCH_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"compare_pytorch: {' '.join(command)} ended with status {process.returncode}")
    result = json.loads(output)["benchmarks"][0]
    return {"seconds": result["median_s"], "mib": usage.ru_maxrss / 1024}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bench", default="build/release/bench_training")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure_pytorch(arguments.measure, arguments.threads)))
        return
    print(f"{arguments.threads} threads, median of {arguments.rounds} rounds; memory of PyTorch without that of its import")
    print(f"{'':<32}{'PyTorch fp32':>14}{'ohmic':>12}{'ratio':>8}{'goal':>6}{'PyTorch':>12}{'ohmic':>10}")
    for title, case, name, goal in CASES:
        theirs, ours = [], []
        for _ in range(arguments.rounds):
            theirs.append(run_pytorch(case, arguments.threads))
            ours.append(run_ohmic(arguments.bench, name, arguments.threads))
        a = statistics.median(r["seconds"] for r in theirs)
        b = statistics.median(r["seconds"] for r in ours)
        ratio = statistics.median(o["seconds"] / t["seconds"] for o, t in zip(ours, theirs))
        memory = [statistics.median(r["mib"] for r in side) for side in (theirs, ours)]
        print(f"{title:<32}{a * 1e3:>11.1f} ms{b * 1e3:>9.1f} ms{ratio:>8.2f}{goal:>6.1f}"
              f"{memory[0]:>8.0f} MiB{memory[1]:>6.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
