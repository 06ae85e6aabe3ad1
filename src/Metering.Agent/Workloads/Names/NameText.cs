using System.Text.Json;

namespace Metering.Agent.Workloads.Names;

/// <summary>Small readings that several sources share.</summary>
internal static class NameText
{
    public static bool IsContainerId(string? text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigitLower);

    /// <summary>The 64-digit id of the container that a workload is or serves; null when it is or serves none.</summary>
    public static string? ContainerId(Workload workload)
    {
        if (IsContainerId(workload.Container)) return workload.Container;
        return workload.Id.Split('/').LastOrDefault(IsContainerId);
    }

    /// <summary>A text of an object of JSON; null when it is not there or no text.</summary>
    public static string? Text(this JsonElement json, string name) => json.Inner(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public static JsonElement? Inner(this JsonElement json, string name) => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) ? value : null;

    /// <summary>The texts of an object of JSON, as labels.</summary>
    public static void AddLabels(NameFacts facts, JsonElement? labels)
    {
        if (labels is not { ValueKind: JsonValueKind.Object } found) return;
        foreach (var label in found.EnumerateObject().Take(1000))
        {
            if (label.Value.ValueKind == JsonValueKind.String) facts.Label(label.Name, label.Value.GetString());
        }
    }
}
