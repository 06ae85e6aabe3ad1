using System.Text.RegularExpressions;

namespace Metering.Agent.Workloads;

/// <summary>
/// Where a rule matched: the first place, and the innermost, from <paramref name="Start"/> (a slash)
/// up to <paramref name="End"/> (just after its last component).
/// </summary>
internal sealed record RuleMatch(CompiledRule Rule, Match Match, int First, int Start, int End);
