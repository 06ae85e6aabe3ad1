namespace Metering.Benchmarks;

/// <summary>What the command line said.</summary>
/// <param name="Full">Longer: more rounds, larger sizes.</param>
/// <param name="Quick">A smoke run: every step once or twice; its figures mean nothing.</param>
/// <param name="Only">Parts that <c>--only</c> names; none means all.</param>
/// <param name="Values">Options of one scenario, <c>--name=value</c>.</param>
/// <param name="Progress">One line per step, on stderr.</param>
internal sealed record RunOptions(bool Full, bool Quick, IReadOnlySet<string> Only, IReadOnlyDictionary<string, string> Values, Action<string> Progress)
{
    /// <summary>True when this part is asked for: all of them, unless <c>--only</c> names some.</summary>
    public bool Wants(string part) => Only.Count == 0 || Only.Contains(part);

    public string? Value(string name) => Values.GetValueOrDefault(name);
}
