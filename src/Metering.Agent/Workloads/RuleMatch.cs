using System.Text.RegularExpressions;

namespace Metering.Agent.Workloads;

/// <summary>
/// Where a rule matched: the outermost place, and the innermost, from <paramref name="Start"/> (a slash)
/// up to <paramref name="End"/> (just after its last component).
/// </summary>
internal sealed record RuleMatch(CompiledRule Rule, Match Match, Match Outermost, int Start, int End)
{
    public int First => Outermost.Index;
}
