using System.Text.Json;
using Metering.Tests.Support;

namespace Metering.EndToEnd.Grafana;

/// <summary>A dashboard of the repository, and the queries of its panels and variables.</summary>
internal sealed record Dashboard(string Name, JsonElement Json)
{
    public static IEnumerable<Dashboard> All() => Directory.GetFiles(Path.Combine(RepositoryFiles.Root, "dashboards"), "*.json").Order(StringComparer.Ordinal)
        .Select(file => new Dashboard(Path.GetFileName(file), JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(file))));

    public IEnumerable<JsonElement> Panels => Json.GetProperty("panels").EnumerateArray();

    /// <summary>Each with the panel that it is of.</summary>
    public IEnumerable<(string Where, JsonElement Target)> Targets(string datasource) => Panels
        .SelectMany(panel => panel.GetProperty("targets").EnumerateArray(), (panel, target) => (Where: $"{Name}: {panel.GetProperty("title").GetString()} {target.GetProperty("refId").GetString()}", target))
        .Where(one => one.target.GetProperty("datasource").GetProperty("uid").GetString() == datasource);

    public IEnumerable<(string Where, JsonElement Variable)> Variables(string datasource) => Json.GetProperty("templating").GetProperty("list").EnumerateArray()
        .Where(variable => variable.TryGetProperty("datasource", out var source) && source.GetProperty("uid").GetString() == datasource)
        .Select(variable => ($"{Name}: variable {variable.GetProperty("name").GetString()}", variable));
}
