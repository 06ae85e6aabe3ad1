using System.Text.RegularExpressions;
using Metering.Meters;
using Metering.Tests.Support;

namespace Metering.Tests.Exposition;

/// <summary>Which metrics the code writes, by their names in it.</summary>
internal static partial class WrittenMetrics
{
    public static string Code() => string.Concat(Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "src"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));

    public static bool Has(string code, string name)
    {
        var written = Suffix().Replace(name, "");
        if (written.StartsWith("metering_usage_", StringComparison.Ordinal)) return MeterCatalogue.All.Any(meter => meter.Kind == MeterKind.Sum && "metering_usage_" + Snake(meter.Name) == written);
        return code.Contains($"\"{written}\"", StringComparison.Ordinal) || code.Contains($"Count(\"{written.Replace("metering_agent_", "", StringComparison.Ordinal)}\"", StringComparison.Ordinal);
    }

    private static string Snake(string name) => string.Concat(name.Select(c => char.IsAsciiLetterUpper(c) ? "_" + char.ToLowerInvariant(c) : c.ToString()));

    [GeneratedRegex("_(total|bucket|sum|count)$")]
    private static partial Regex Suffix();
}
