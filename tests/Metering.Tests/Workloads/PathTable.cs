using System.Runtime.CompilerServices;
using Metering.Agent.Workloads;

namespace Metering.Tests.Workloads;

/// <summary>Reads <c>paths.txt</c>; its head explains the lines.</summary>
internal static class PathTable
{
    public static IReadOnlyList<(int Line, string Path, string Expected)> Read([CallerFilePath] string here = "")
    {
        var names = new List<(string Name, string Text)>();
        var rows = new List<(int, string, string)>();
        var lines = File.ReadAllLines(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, "paths.txt"));
        for (var number = 1; number <= lines.Length; number++)
        {
            var line = lines[number - 1].Trim();
            if (line.Length == 0 || line[0] == '#') continue;
            if (line[0] == '$')
            {
                var parts = line.Split(" = ");
                names.Add((parts[0], parts[1]));
                continue;
            }

            // Longer names first, or $A would eat the beginning of $A12.
            foreach (var (name, text) in names.OrderByDescending(one => one.Name.Length)) line = line.Replace(name, text, StringComparison.Ordinal);
            var columns = line.Split(" -> ");
            rows.Add((number, columns[0], Canonical(columns[0], columns[1])));
        }

        return rows;
    }

    /// <summary>A workload as the right side of a line, labels and facts sorted.</summary>
    public static string Write(Workload workload)
    {
        var facts = new List<string> { workload.Whole ? "whole" : "interior" };
        if (workload.Overhead) facts.Add("overhead");
        if (workload.Pod is { } pod) facts.Add($"pod={pod}");
        if (workload.Container is { } container) facts.Add($"container={container}");
        if (workload.User is { } user) facts.Add($"user={user}");
        facts.AddRange(workload.Labels.Select(label => $"{label.Key}={label.Value}"));
        return $"{workload.Kind} {workload.Id} {workload.Name} {string.Join(' ', facts.Order(StringComparer.Ordinal))}";
    }

    private static string Canonical(string path, string expected)
    {
        var words = expected.Split(' ').Select(word => word == "-" ? path : word).ToArray();
        return string.Join(' ', [.. words[..3], .. words[3..].Order(StringComparer.Ordinal)]);
    }
}
