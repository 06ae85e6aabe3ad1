namespace Metering.Benchmarks;

/// <summary>One figure, measured several times in one run.</summary>
/// <param name="Unit">What a sample counts; <c>x</c> is a ratio of two sides of the same round.</param>
/// <param name="Target">What the median is to reach, if anything.</param>
/// <param name="AtMost">The target is an upper bound.</param>
internal sealed record Measure(string Name, string Unit, double[] Samples, double? Target = null, bool AtMost = false)
{
    public double Min => Samples.Min();

    public double Max => Samples.Max();

    public double Median
    {
        get
        {
            var sorted = Samples.Order().ToArray();
            return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
        }
    }

    public bool? Met => Target is not { } target ? null : AtMost ? Median <= target : Median >= target;

    /// <summary>Round by round: sides measured one after the other saw the same machine.</summary>
    public static Measure Ratio(string name, double[] side, double[] other, double? target = null, bool atMost = true) =>
        new(name, "x", [.. side.Zip(other, (a, b) => a / b)], target, atMost);
}
