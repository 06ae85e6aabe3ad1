namespace Metering.Benchmarks;

/// <summary>What the command line said.</summary>
/// <param name="Full">Longer: more rounds, larger sizes.</param>
/// <param name="Progress">One line per step, on stderr.</param>
internal sealed record RunOptions(bool Full, IReadOnlySet<string> Only, Action<string> Progress)
{
    /// <summary>True when this part is asked for: all of them, unless <c>--only</c> names some.</summary>
    public bool Wants(string part) => Only.Count == 0 || Only.Contains(part);
}
