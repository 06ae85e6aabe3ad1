namespace Metering.Service.Ui;

/// <summary>Links between pages.</summary>
internal static class View
{
    /// <summary>A link with its query; pairs without a value are left out.</summary>
    public static string Link(string path, params IEnumerable<(string Name, string? Value)> query)
    {
        var text = string.Join('&', query.Where(pair => !string.IsNullOrEmpty(pair.Value)).Select(pair => $"{pair.Name}={Uri.EscapeDataString(pair.Value!)}"));
        return text.Length == 0 ? path : path + "?" + text;
    }

    public static string Tenant(string id) => "/tenants/" + Uri.EscapeDataString(id);
}
