using System.Globalization;

namespace Metering.Cli.Resources;

/// <summary>Versions of one file that are valid at the same time: told before any of them is sent, so that none is taken while another is refused.</summary>
internal static class VersionOverlaps
{
    /// <summary>A fault for each version that overlaps one before it in the file.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<Document> versions)
    {
        for (var i = 1; i < versions.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (Bound(versions[i], "validFrom", DateTimeOffset.MinValue) is not { } from || Bound(versions[i], "validTo", DateTimeOffset.MaxValue) is not { } to) continue;
                if (Bound(versions[j], "validFrom", DateTimeOffset.MinValue) is not { } otherFrom || Bound(versions[j], "validTo", DateTimeOffset.MaxValue) is not { } otherTo || from >= otherTo || otherFrom >= to) continue;
                yield return $"{versions[i].Where.Split(' ')[0]}.validFrom overlaps {versions[j].Where}, valid at the same time; give one of them a validTo.";
                break;
            }
        }
    }

    // Null: it is no time, which the service tells.
    private static DateTimeOffset? Bound(Document version, string field, DateTimeOffset otherwise) =>
        version.Body[field] is not { } node ? otherwise : DateTimeOffset.TryParse(node.ToString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;
}
