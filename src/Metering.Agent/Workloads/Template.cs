using Metering.Safety;

namespace Metering.Agent.Workloads;

/// <summary>A text with <c>{group}</c> places, filled from the named groups of a match; a group that took no part is empty.</summary>
internal sealed class Template
{
    private readonly List<(string Text, bool IsGroup)> _parts = [];

    /// <summary>Throws <see cref="UserErrorException"/> if a place names no group of the rule.</summary>
    public Template(string text, string rule, IReadOnlyCollection<string> groups)
    {
        foreach (var piece in text.Split('{'))
        {
            var close = piece.IndexOf('}', StringComparison.Ordinal);
            if (close < 0)
            {
                _parts.Add((piece, false));
                continue;
            }

            var group = piece[..close];
            if (!groups.Contains(group))
            {
                throw UserErrorException.Usage(
                    $"Workload rule '{rule}': '{{{group}}}' in '{text}' is no named group of its match; write (?<{group}>…) or remove it.");
            }

            _parts.Add((group, true));
            _parts.Add((piece[(close + 1)..], false));
        }
    }

    /// <param name="group">The text of a named group; null where it took no part.</param>
    public string Fill(Func<string, string?> group) => string.Concat(_parts.Select(part => part.IsGroup ? group(part.Text) : part.Text));
}
