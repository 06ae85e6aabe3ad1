using System.Globalization;
using System.Text.Json;
using Metering.Agent.Workloads;

namespace Metering.EndToEnd.Guest;

/// <summary>The facts that the guest wrote, and the usage that its ledger had at the end, by cgroup path.</summary>
internal sealed class GuestReport
{
    private readonly Dictionary<string, string> _facts;
    private readonly Lazy<IReadOnlyList<GuestUsage>> _usage;
    private readonly Lazy<IReadOnlyDictionary<string, JsonElement>> _identified;

    private GuestReport(Dictionary<string, string> facts)
    {
        _facts = facts;
        _usage = new Lazy<IReadOnlyList<GuestUsage>>(ReadUsage);
        _identified = new Lazy<IReadOnlyDictionary<string, JsonElement>>(ReadIdentified);
    }

    /// <summary>One row for each workload.</summary>
    public IReadOnlyList<GuestUsage> Usage => _usage.Value;

    /// <summary>What <c>metering identify</c> says of the guest's paths: it needs nothing of the guest but those.</summary>
    public IReadOnlyDictionary<string, JsonElement> Identified => _identified.Value;

    /// <summary>Paths of the cgroups that lived to the end.</summary>
    public IEnumerable<string> Living => Identified.Keys.Where(path => _facts.ContainsKey($"kernel/after{path}/cpu.stat"));

    /// <summary>Lines of <c>{"name":"…","text":"…"}</c>; a torn last line is left out.</summary>
    public static GuestReport Read(string file)
    {
        var facts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in File.Exists(file) ? File.ReadLines(file) : [])
        {
            if (!line.TrimEnd().EndsWith("\"}", StringComparison.Ordinal)) continue;
            using var fact = JsonDocument.Parse(line);
            facts[fact.RootElement.GetProperty("name").GetString()!] = fact.RootElement.GetProperty("text").GetString()!;
        }

        return new GuestReport(facts);
    }

    public bool Has(string name) => _facts.ContainsKey(name);

    public string Text(string name) => _facts.TryGetValue(name, out var text) ? text : throw new InvalidOperationException($"The guest did not report '{name}'; it reported {string.Join(' ', _facts.Keys.Where(known => !known.StartsWith("kernel/", StringComparison.Ordinal)))}.");

    public string Text(string name, string otherwise) => _facts.GetValueOrDefault(name, otherwise);

    public decimal Number(string name) => decimal.Parse(Text(name), CultureInfo.InvariantCulture);

    public JsonElement Json(string name)
    {
        using var document = JsonDocument.Parse(Text(name));
        return document.RootElement.Clone();
    }

    /// <summary>A figure of a kernel's file: the only number, or the one behind a key (<c>usage_usec</c>, <c>wbytes=</c> summed over devices).</summary>
    /// <param name="round"><c>before</c> the cgroups of known work were removed, or <c>after</c>.</param>
    public long Kernel(string round, string path, string file, string? key = null)
    {
        var text = Text($"kernel/{round}{path}/{file}");
        if (key is null) return long.Parse(text, CultureInfo.InvariantCulture);
        var words = text.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (key.EndsWith('=')) return words.Where(word => word.StartsWith(key, StringComparison.Ordinal)).Sum(word => long.Parse(word.AsSpan(key.Length), CultureInfo.InvariantCulture));
        var at = Array.IndexOf(words, key);
        return at >= 0 ? long.Parse(words[at + 1], CultureInfo.InvariantCulture) : throw new InvalidOperationException($"{path}/{file} has no {key}: {text}");
    }

    public long KernelCpu(string round, string path) => Kernel(round, path, "cpu.stat", "usage_usec");

    /// <summary>The sum of a quantity over the workloads at a path and below it; null when it is metered for none of them.</summary>
    public decimal? Billed(string path, string quantity)
    {
        decimal? sum = null;
        foreach (var row in Usage.Where(row => row.Path == path || row.Path.StartsWith(path + "/", StringComparison.Ordinal)))
        {
            if (row.Quantities.TryGetProperty(quantity, out var value)) sum = (sum ?? 0) + value.GetDecimal();
        }

        return sum;
    }

    public long BilledCpuMicroseconds(string path) => (long)((Billed(path, "cpuSeconds") ?? 0) * 1_000_000);

    private List<GuestUsage> ReadUsage() =>
        [.. Json("usage").GetProperty("rows").EnumerateArray().Select(row => new GuestUsage(row.GetProperty("key").GetProperty("workload"), row.GetProperty("quantities")))];

    private Dictionary<string, JsonElement> ReadIdentified()
    {
        var recogniser = new WorkloadRecogniser();
        var lines = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var path in Text("paths").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var document = JsonDocument.Parse(IdentifyFormat.Line(path, recogniser.Recognise(path)));
            lines[path] = document.RootElement.Clone();
        }

        return lines;
    }
}
