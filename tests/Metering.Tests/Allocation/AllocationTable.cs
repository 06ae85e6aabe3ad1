using System.Globalization;
using System.Runtime.CompilerServices;
using Metering.Service.Allocation;
using Metering.Service.Rating;

namespace Metering.Tests.Allocation;

/// <summary>Reads <c>shares.txt</c>, whose head explains the lines, and splits its cases.</summary>
internal sealed class AllocationTable
{
    private readonly List<(string Host, HostRate Rate)> _hosts = [];
    private readonly List<HostUse> _uses = [];
    private AllocationVersion _version = new() { Currency = "EUR" };
    private long _seconds = 3600;

    public string Name { get; private init; } = "";

    public List<string> Expected { get; } = [];

    public static IReadOnlyList<AllocationTable> Read([CallerFilePath] string here = "")
    {
        var cases = new List<AllocationTable>();
        foreach (var line in File.ReadAllLines(Path.Combine(Path.GetDirectoryName(here)!, "shares.txt")).Select(text => text.Trim()))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts[0] == "case") cases.Add(new AllocationTable { Name = line[5..] });
            else cases[^1].Take(parts, line);
        }

        return cases;
    }

    public List<string> Run()
    {
        var book = new AllocationBook(new AllocationDocument { Versions = [_version with { Hosts = [.. _hosts.Select(one => one.Rate)] }] });
        var version = book.At(0)!;
        return [.. Allocator.Split(version, 0, _seconds, _hosts.Select((one, i) => (one.Host, version.Rates[i])), _uses).Select(row =>
            $"share {(row.Host.Length == 0 ? "-" : row.Host)} {row.Tenant} {row.Workload} {row.Part}: {new Amount(row.Nano * PriceLine.PriceScale)}")];
    }

    private void Take(string[] parts, string line)
    {
        switch (parts[0])
        {
            case "seconds":
                _seconds = long.Parse(parts[1], CultureInfo.InvariantCulture);
                break;
            case "host":
                _hosts.Add((parts[1], new HostRate { Match = new PriceSelector { Host = parts[1] }, PerHour = Number(parts[2]), CpuShare = Number(parts[4]), Cores = After(parts, "cores"), MemoryBytes = (long?)After(parts, "memory") }));
                break;
            case "idle":
                _version = _version with { Idle = parts[1] };
                break;
            case "overhead":
                _version = _version with { Overhead = [.. _version.Overhead, new OverheadCost { Name = "x", PerHour = Number(parts[1]) }], OverheadSplit = parts[2] };
                break;
            case "shared":
                _version = _version with { Shared = [.. _version.Shared, parts[1]], SharedSplit = parts[2] };
                break;
            case "weights":
                _version = _version with { Weights = parts.Skip(1).Select(part => part.Split('=')).ToDictionary(part => part[0], part => Number(part[1])) };
                break;
            case "use":
                _uses.Add(new HostUse(parts[1], parts[2], long.Parse(parts[3], CultureInfo.InvariantCulture), (long)(Number(parts[4]) * 1_000_000), parts.Length > 5 ? (long)Number(parts[5]) : 0));
                break;
            default:
                Expected.Add(line);
                break;
        }
    }

    private static decimal? After(string[] parts, string word) => Array.IndexOf(parts, word) is var at and >= 0 ? Number(parts[at + 1]) : null;

    private static decimal Number(string text) => decimal.Parse(text, CultureInfo.InvariantCulture);
}
