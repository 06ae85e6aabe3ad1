using Metering.Benchmarks.Passes;

namespace Metering.Benchmarks.Peers;

/// <summary>CPU per update of one side after the other; each sample has the C loop run right before it on the same tree, so ratios hold on a machine that is not quiet.</summary>
internal sealed class UpdateCost(CompiledLoop loop, int cgroups, int rounds, CancellationToken cancel)
{
    private readonly int _loopRounds = Math.Max(3, 30_000 / cgroups);
    private readonly List<double> _loop = [];

    /// <summary>CPU of the C loop in every round of every side, in microseconds.</summary>
    public double[] Loop => [.. _loop];

    /// <summary>Several figures that come from the same rounds. <paramref name="sample"/> returns CPU microseconds per update.</summary>
    public async Task<(Measure Cost, Measure Ratio)[]> MeasureAsync(string[] names, Func<Task<double[]>> sample)
    {
        var samples = names.Select(_ => new List<double>()).ToArray();
        var beside = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            cancel.ThrowIfCancellationRequested();
            beside.Add(loop.Run(_loopRounds).Cpu);
            var found = await sample();
            for (var i = 0; i < names.Length; i++) samples[i].Add(found[i]);
        }

        _loop.AddRange(beside);
        return [.. names.Select((name, i) => (new Measure(name + ", CPU per update", "us", [.. samples[i]]), Measure.Ratio(name + " / C loop", [.. samples[i]], [.. beside])))];
    }
}
